import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#e8f7f5", "#cbece7", "#98dacf", "#62c6b7", "#38b3a2", "#1ca392", "#0f8f80", "#0b7a6e", "#08665c", "#05524a",
];
const dark: MantineColorsTuple = [
  "#e7e9ec", "#ced2d7", "#a9b0b8", "#848c95", "#3a4149", "#2a3037", "#1e2329", "#14181c", "#0f1215", "#0a0c0e",
];

export const theme = createTheme({
  colors: { accent, dark },
  primaryColor: "accent",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 6,
  cursorType: "pointer",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "22px" }, h2: { fontSize: "15px" }, h3: { fontSize: "14px" } } },
  components: {
    Card: { defaultProps: { withBorder: true, padding: "md" } },
    Table: { defaultProps: { fz: "sm", verticalSpacing: 7, horizontalSpacing: "sm" } },
    Button: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", allowDeselect: false, comboboxProps: { transitionProps: { duration: 0 } } } },
    Modal: { defaultProps: { transitionProps: { duration: 100 }, overlayProps: { backgroundOpacity: 0.45 } } },
    Drawer: { defaultProps: { transitionProps: { duration: 100 }, overlayProps: { backgroundOpacity: 0.35 } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
  },
});

/** White on Mantine's red is too weak. */
const RED = { "--mantine-color-red-filled": "#c92a2a", "--mantine-color-red-filled-hover": "#b32424" };

/** The greys of small text are darker than Mantine's, whose contrast is too weak to read (WCAG 2.2, 1.4.3). */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...RED,
    "--mantine-color-yellow-outline": "#8a4f00",
    "--mantine-color-dimmed": "#59616b",
    "--mantine-color-placeholder": "#6b747d",
    "--tw-canvas": "#f7f8f9",
    "--tw-surface": "#ffffff",
    "--tw-line": "#e3e6e9",
    "--tw-hover": "#f1f3f5",
    "--tw-near": "#8a4f00",
    "--tw-over": "#c92a2a",
    "--tw-unpriced": "#6741d9",
    "--tw-good": "#08665c",
    "--tw-bar": "#0f8f80",
    "--tw-bar-near": "#e08a00",
    "--tw-bar-over": "#e03131",
    "--tw-track": "#e9ecef",
    "--tw-edge": "#868e96",
    "--tw-way": "#e8f7f5",
    "--mantine-color-error": "#c92a2a",
  },
  dark: {
    ...RED,
    "--mantine-color-dimmed": "#a3abb4",
    "--mantine-color-placeholder": "#8b949d",
    "--tw-canvas": "#0f1215",
    "--tw-surface": "#14181c",
    "--tw-line": "#2a3037",
    "--tw-hover": "#1b2025",
    "--tw-near": "#ffb454",
    "--tw-over": "#ff8787",
    "--tw-unpriced": "#b197fc",
    "--tw-good": "#62c6b7",
    "--tw-bar": "#1ca392",
    "--tw-bar-near": "#f0a020",
    "--tw-bar-over": "#fa5252",
    "--tw-track": "#2a3037",
    "--tw-edge": "#7c858e",
    "--tw-way": "#12302c",
    "--mantine-color-error": "#ff8787",
  },
});

/** Eight that the colour-blind can tell apart (Okabe and Ito, Paul Tol), by night and by day; then grey. */
export const SERIES = ["#1192a8", "#e69f00", "#7c5cd6", "#009e73", "#cc6699", "#4477dd", "#c65d21", "#8a8d1f"] as const;
export const OTHER = "#8a9199";

/** Classes of statuses have colours that say how it went. */
const STATUSES: ReadonlyMap<string, number> = new Map([["2xx", 3], ["3xx", 0], ["4xx", 1], ["5xx", 6]]);

/** A name keeps its colour wherever it is shown; where two of one chart would share, the later takes the next free one. */
export function colours(names: readonly string[]): Map<string, string> {
  const taken = new Set<number>();
  const found = new Map<string, string>();
  for (const name of names) {
    let place = (STATUSES.get(name) ?? mixed(name)) % SERIES.length;
    if (taken.size < SERIES.length) while (taken.has(place)) place = (place + 1) % SERIES.length;
    taken.add(place);
    found.set(name, SERIES[place] ?? OTHER);
  }
  return found;
}

function mixed(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
  return sum;
}
