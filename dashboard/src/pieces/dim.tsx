import { Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Words in the place of a value that is not there: "nobody", "not known". */
export function Dim({ children }: { children: ReactNode }) {
  return (
    <Text span inherit c="dimmed">
      {children}
    </Text>
  );
}
