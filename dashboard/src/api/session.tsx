/** Who is signed in, for every part of the page. */

import { createContext, lazy, Suspense, useContext, useMemo, type ReactNode } from "react";
import { queries, useApi, keepToken, type Schemas } from "./client";
import { Failed, Loading } from "../pieces/states";

const SignIn = lazy(() => import("../shell/sign_in").then(({ SignIn }) => ({ default: SignIn })));

type Session = Schemas["SessionShown"];

export interface Who {
  name: string;
  roles: string[];
  /** Whether a scope is granted; what is not is not offered. */
  may: (scope: string) => boolean;
  /** Whether a scope of what is one's own is granted, to somebody who can have something: an administrator's password is no person. */
  owns: (scope: string) => boolean;
  session: Session;
}

const Context = createContext<Who | null>(null);

export function useWho(): Who {
  const who = useContext(Context);
  if (!who) throw new Error("nobody is signed in");
  return who;
}

/** Shows `children` to whoever is signed in, and everybody else how to. */
export function Signed({ children }: { children: ReactNode }) {
  const { data, error, refetch } = useApi("/api/v1/session", {}, { every: 60_000 });
  const who = useMemo<Who | null>(
    () =>
      data?.signed_in
        ? { name: data.name ?? "", roles: data.roles, may: (scope) => data.scopes.includes(scope), owns: (scope) => data.user !== null && data.scopes.includes(scope), session: data }
        : null,
    [data],
  );
  keepToken(data?.csrf ?? null);
  if (error && !data) return <Failed error={error} what="Who you are cannot be asked" again={() => void refetch()} />;
  if (!data) return <Loading rows={6} />;
  if (!who)
    return (
      <Suspense fallback={<Loading rows={6} />}>
        <SignIn session={data} />
      </Suspense>
    );
  return <Context value={who}>{children}</Context>;
}

/** After signing in or out, or when an answer says that the session is over. */
export async function askAgain(): Promise<void> {
  await queries.resetQueries();
}
