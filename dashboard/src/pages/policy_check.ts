/** Whether a policy that is being written could be put in force: asked of the gateway when the typing pauses, as it alone reads CEL. */

import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { ask, Problem } from "../api/client";
import { placed, type Placed } from "./policy_wrong";

const TYPING_MS = 400;

/** What is wrong with it; null where nothing is, or nobody can say. What was said last holds until the next is. */
export function usePolicyCheck(policy: Record<string, unknown>, enabled: boolean): Placed | null {
  const [asked] = useDebouncedValue(JSON.stringify(policy), TYPING_MS);
  const found = useQuery({
    queryKey: ["policy check", asked],
    enabled,
    retry: false,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
    queryFn: () => wrongOf(JSON.parse(asked) as Record<string, unknown>),
  });
  return found.data ?? null;
}

async function wrongOf(policy: Record<string, unknown>): Promise<Placed | null> {
  const body = { callers: [{ name: "somebody" }], models: ["openai/gpt-4o-mini"], gateway: policy.gateway ?? "default", policy };
  try {
    await ask("post", "/api/v1/policies/matrix", { body });
    return null;
  } catch (error) {
    // Whatever else fails is not the policy's fault.
    return error instanceof Problem && error.code === "policy_invalid" ? placed(error.message) : null;
  }
}
