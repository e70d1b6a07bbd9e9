/** The way in: the company's identity provider where there is one, a password of this gateway for whoever has one. */

import { Anchor, Button, Card, Center, Divider, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { askAgain } from "../api/session";
import { useQuestion, type Schemas } from "../api/client";
import { signInAddress } from "../pieces/states";
import { Mark } from "./mark";

export function SignIn({ session }: { session: Schemas["SessionShown"] }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useQuestion("/api/v1/session");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ body: { name, password } }, { onSuccess: () => void askAgain() });
  };
  return (
    <Center mih="100dvh" p="md" component="main">
      <Card w="100%" maw={380} p="xl" className="tw-panel">
        <Stack gap="md">
          <Mark />
          <div>
            <Title order={1}>Sign in</Title>
            <Text size="sm" c="dimmed">
              What may be seen here follows from your role.
            </Text>
          </div>
          {session.sign_in && (
            <>
              <Button component="a" href={signInAddress()} size="sm" fullWidth>
                Sign in with your company
              </Button>
              <Divider label="or, as a local administrator" />
            </>
          )}
          <form onSubmit={submit}>
            <Stack gap="sm">
              <TextInput
                label="Name"
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                autoComplete="username"
                autoCapitalize="none"
                required
              />
              <PasswordInput
                label="Password"
                value={password}
                onChange={(event) => setPassword(event.currentTarget.value)}
                autoComplete="current-password"
                error={signIn.error?.message}
                required
              />
              <Button type="submit" size="sm" variant={session.sign_in ? "default" : "filled"} loading={signIn.isPending}>
                Sign in
              </Button>
            </Stack>
          </form>
          <Text size="xs" c="dimmed">
            No administrator yet? On the gateway's machine: <code className="tw-inline-code">tollway users add root --role owner</code>.{" "}
            {!session.sign_in && (
              <>
                With <code className="tw-inline-code">login:</code> in the settings, people sign in with your identity provider.
              </>
            )}{" "}
            <Anchor href="/api/openapi.json" inherit underline="always">
              API
            </Anchor>
          </Text>
        </Stack>
      </Card>
    </Center>
  );
}
