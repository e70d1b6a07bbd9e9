import { Group, Text } from "@mantine/core";

export function Mark({ folds = false }: { folds?: boolean }) {
  return (
    <Group gap={8} wrap="nowrap">
      <img src="/dashboard/icon.svg" alt="" width={24} height={24} />
      <Text fw={650} size="md" visibleFrom={folds ? "xs" : undefined}>
        Tollway
      </Text>
    </Group>
  );
}
