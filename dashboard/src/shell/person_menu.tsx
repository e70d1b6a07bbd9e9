/** Who is signed in, and the way out. */

import { ActionIcon, Menu } from "@mantine/core";
import { IconLogout, IconUserCircle } from "@tabler/icons-react";
import { useChange } from "../api/client";
import { askAgain, useWho } from "../api/session";

export function PersonMenu() {
  const { name, roles } = useWho();
  const leave = useChange("delete", "/api/v1/session");
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`Signed in as ${name}`}>
          <IconUserCircle size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}
          <br />
          {roles.join(", ") || "no role"}
        </Menu.Label>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave.mutate({}, { onSettled: () => void askAgain() })}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
