/** A state in a word, with an icon and a colour: never a colour alone. */

import { IconAlertTriangle, IconBan, IconCircleCheck, IconClock, IconHelpCircle, type Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

type Tone = "good" | "near" | "over" | "unpriced" | "dim";
const ICONS: Record<Tone, Icon> = {
  good: IconCircleCheck,
  near: IconAlertTriangle,
  over: IconBan,
  unpriced: IconHelpCircle,
  dim: IconClock,
};

export function Chip({ tone, icon: Own, children }: { tone: Tone; icon?: Icon; children: ReactNode }) {
  const Shown = Own ?? ICONS[tone];
  return (
    <span className="tw-chip" data-tone={tone}>
      <Shown size={14} aria-hidden /> {children}
    </span>
  );
}
