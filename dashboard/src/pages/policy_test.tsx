/** Would this person get this model? Judged by the gateway's own rules; nothing is sent. */

import { Alert, Button, Checkbox, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconBan, IconCircleCheck } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useQuestion } from "../api/client";
import { Panel } from "../pieces/page";
import { Failed } from "../pieces/states";
import { pairs, words } from "./words";

export function PolicyTest() {
  const [email, setEmail] = useState("");
  const [groups, setGroups] = useState("");
  const [model, setModel] = useState("openai/gpt-4o-mini");
  const [metadata, setMetadata] = useState("");
  const [staging, setStaging] = useState(true);
  const test = useQuestion("/api/v1/policies/simulate");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [provider, ...rest] = model.split("/");
    const user = {
      ...(email ? { id: email, email } : {}),
      ...(groups ? { groups: words(groups) } : {}),
    };
    test.mutate({
      body: {
        identity: { cf: { user }, metadata: pairs(metadata) },
        model: rest.length > 0 ? rest.join("/") : model,
        ...(rest.length > 0 ? { provider } : {}),
        includeStaging: staging,
      },
    });
  };
  const allowed = test.data?.enforcement.allowed;
  return (
    <Panel title="Would they get it?" hint="nothing is sent, held or logged">
      <form onSubmit={submit}>
        <Group align="end" gap="sm" className="tw-form">
          <TextInput label="Person" placeholder="alice@example.com" value={email} onChange={(event) => setEmail(event.currentTarget.value)} w={210} />
          <TextInput label="Groups" placeholder="engineering, leads" value={groups} onChange={(event) => setGroups(event.currentTarget.value)} w={180} />
          <TextInput label="Metadata" placeholder="team=ml, env=prod" value={metadata} onChange={(event) => setMetadata(event.currentTarget.value)} w={170} />
          <TextInput label="Model" value={model} onChange={(event) => setModel(event.currentTarget.value)} w={220} required />
          <Checkbox label="With drafts" checked={staging} onChange={(event) => setStaging(event.currentTarget.checked)} pb={8} />
          <Button type="submit" size="sm" loading={test.isPending}>
            Judge
          </Button>
        </Group>
      </form>
      {test.error && <Failed error={test.error} what="It cannot be judged" />}
      {test.data && (
        <Stack mt="md" gap="sm">
          <Alert
            role="status"
            variant="outline"
            color={allowed ? "teal" : "red"}
            icon={allowed ? <IconCircleCheck size={18} /> : <IconBan size={18} />}
            title={allowed ? "Permitted" : "Refused"}
          >
            {allowed ? "as far as policies go; budgets are another matter" : (test.data.enforcement.reason ?? "no policy permits it")}
            {test.data.enforcement.policyName && ` (${test.data.enforcement.policyName})`}
          </Alert>
          {test.data.policies.length > 0 && (
            <Table aria-label="Why">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Policy</Table.Th>
                  <Table.Th>Outcome</Table.Th>
                  <Table.Th>Why</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {test.data.policies.map((policy) => (
                  <Table.Tr key={policy.id}>
                    <Table.Td>{policy.name}</Table.Td>
                    <Table.Td>{policy.outcome.replaceAll("_", " ")}</Table.Td>
                    <Table.Td>
                      <Text size="sm">{policy.why || "—"}</Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </Stack>
      )}
    </Panel>
  );
}
