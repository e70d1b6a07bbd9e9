/** Where did it go? */

import { Group, NativeSelect, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi } from "../api/client";
import { piecesOf } from "../pieces/chart_data";
import { Filters, useFilters } from "../pieces/filters";
import { Backwards, Nothing } from "../pieces/nothing";
import { Page, Panel } from "../pieces/page";
import { GRAINS, grainOf, namer, SpendChart, Told, type Grain } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { useMetadataKeys } from "../pieces/values";
import { SavedViews } from "../pieces/views";
import { carried, useAddress, useSpan, type Address } from "../shell/address";
import { dayOf, iso } from "../time";
import { SpendExport } from "./spend_export";
import { measureOf, MEASURES, tableOf } from "./spend_measures";
import { SpendTable, type Row } from "./spend_table";

const FIELDS = ["model", "user", "provider", "key", "service", "group", "gateway", "kind", "status"];
/** Beyond the fields of every listing, what analytics takes as a filter. */
const MORE = ["gateway", "kind", "status"] as const;
const DRAWN = 8;
const LISTED = 1000;

export function Spend() {
  const [address, go] = useAddress();
  const navigate = useNavigate();
  const { since, until, asked, past, zone, backwards } = useSpan();
  const filters = useFilters(MORE, true);
  const keys = useMetadataKeys();
  const first = address.by ?? "model";
  const second = address.then && address.then !== first ? address.then : undefined;
  const fields = second ? [first, second] : [first];
  const table = tableOf([...fields, ...Object.keys(filters).map((name) => name.replace("!", ""))]);
  const offered = MEASURES.filter((each) => !table || each.table === table);
  const wanted = measureOf(address.measure);
  const measure = offered.includes(wanted) ? wanted : (offered[0] ?? wanted);
  const grain = GRAINS.includes(address.grain as Grain) ? (address.grain as Grain) : grainOf(since, until);
  const compared = address.compare === "1";
  const also = ["cost", "tokens", "requests"].filter((metric) => !table || (metric === "requests") === (table === "traffic"));
  const metrics = [...new Set([measure.metric, ...also])].join(",");
  const series = useApi("/api/v1/analytics", { query: { ...filters, ...asked, grain, by: first, metrics: measure.metric, limit: DRAWN } });
  const groups = useApi("/api/v1/analytics", { query: { ...filters, ...asked, by: fields.join(","), metrics, limit: LISTED } });
  const pastSeries = useApi("/api/v1/analytics", { query: { ...filters, ...past, grain, metrics: measure.metric } }, { enabled: compared });
  const pastGroups = useApi("/api/v1/analytics", { query: { ...filters, ...past, by: fields.join(","), metrics, limit: LISTED } }, { enabled: compared });
  const buckets = series.data?.starts ?? [];
  const pieces = useMemo(() => (series.data ? piecesOf(series.data, measure.of) : []), [series.data, measure]);
  const before = useMemo(
    () => (compared && pastSeries.data && !(measure.rank && pieces.length === 0) ? pastSeries.data.total.buckets.map(measure.of) : undefined),
    [compared, pastSeries.data, measure, pieces.length],
  );
  const total = series.data && measure.of(series.data.total.whole);
  const pick = (name: string | null) => go({ [first]: name ?? "" });
  const zoom = (from: string, last: string) => {
    const at = buckets.indexOf(last);
    const end = at + 1 < buckets.length ? Date.parse(buckets[at + 1] ?? "") : until;
    go(
      grain === "hour"
        ? { range: "custom", since: iso(Date.parse(from)), until: iso(end) }
        : { range: "custom", since: dayOf(Date.parse(from), zone), until: dayOf(end - 1, zone), grain: undefined },
    );
  };
  const follow = (row: Row) => {
    const narrowed: Address = {};
    // The log has no kind, and statuses one by one.
    for (const [name, value] of Object.entries({ ...filters, ...row.group }))
      // null is what has none, which an empty value asks for.
      if (value !== undefined && !name.endsWith("!") && name !== "kind" && name !== "status") narrowed[name] = value ?? "";
    void navigate({ to: "/requests", search: { ...carried(address), ...narrowed } as never });
  };
  const dimensions = [...FIELDS, ...keys.map((key) => `metadata.${key}`)];
  const options = (chosen: string | undefined) => [...new Set([...dimensions, ...(chosen ? [chosen] : [])])].map((value) => ({ value, label: value.replace("metadata.", "") }));
  return (
    <Page
      title="Spend explorer"
      question="Where did it go?"
      actions={
        <>
          <SavedViews page="/spend" />
          <SpendExport asked={asked} filters={filters} by={fields.join(",")} metrics={metrics} grain={grain} />
        </>
      }
    >
      <Group mb="sm" gap="sm" align="end">
        <NativeSelect
          size="xs"
          label="Show"
          w={190}
          data={offered.map(({ id, label }) => ({ value: id, label }))}
          value={measure.id}
          onChange={(event) => go({ measure: event.currentTarget.value === "cost" ? undefined : event.currentTarget.value, sort: undefined })}
        />
        <NativeSelect size="xs" label="By" w={130} data={options(first)} value={first} onChange={(event) => go({ by: event.currentTarget.value, sort: undefined })} />
        <NativeSelect
          size="xs"
          label="Then by"
          w={130}
          data={[{ value: "", label: "nothing else" }, ...options(second).filter(({ value }) => value !== first)]}
          value={second ?? ""}
          onChange={(event) => go({ then: event.currentTarget.value || undefined })}
        />
        <NativeSelect size="xs" label="In steps of" w={100} data={GRAINS} value={grain} onChange={(event) => go({ grain: event.currentTarget.value })} />
        <Filters more={MORE} negatable />
      </Group>
      <div className="tw-stack">
        <Panel
          title={`${measure.label} over time`}
          hint={
            total !== undefined &&
            !backwards && (
              <>
                <b>{<Told amount={total ?? undefined} unit={measure.unit} />}</b>
                {measure.rank ? " of all" : " in all"}
                {measure.hint && `, ${measure.hint}`}
                {before && (
                  <>
                    {" "}
                    · before <Told amount={measure.of(pastSeries.data?.total.whole ?? {}) ?? undefined} unit={measure.unit} />
                  </>
                )}
              </>
            )
          }
        >
          {series.error ? (
            <Failed error={series.error} what="The chart cannot be shown" again={() => void series.refetch()} />
          ) : !series.data ? (
            <Loading rows={1} height={266} />
          ) : pieces.every(({ amount }) => amount === 0n) ? (
            <Nothing title="There is nothing of this here" filters={filters} />
          ) : (
            <SpendChart
              pieces={pieces}
              buckets={buckets}
              past={before}
              pick={pick}
              zoom={zoom}
              unit={measure.unit}
              lines={measure.rank}
              name={namer(grain, zone)}
              label={measure.label}
            />
          )}
        </Panel>
        <Panel
          title={`By ${fields.map((field) => field.replace("metadata.", "")).join(" and ")}`}
          flush
          hint={groups.data && !backwards && `${groups.data.groups.length.toLocaleString("en-US")} rows${groups.data.others ? `, and ${groups.data.others.toLocaleString("en-US")} in one` : ""}`}
        >
          {groups.error ? (
            <Failed error={groups.error} what="The table cannot be shown" again={() => void groups.refetch()} />
          ) : !groups.data ? (
            <Group p="md">
              <Loading rows={6} />
            </Group>
          ) : backwards ? (
            <Backwards />
          ) : groups.data.groups.length === 0 ? (
            <Empty title="There is nothing of this here" />
          ) : (
            <SpendTable answer={groups.data} before={compared ? pastGroups.data : undefined} measure={measure} open={follow} />
          )}
        </Panel>
        {groups.data?.overlapping && (
          <Text size="xs" c="dimmed">
            By group, a charge stands once in the row of each group its caller is in; the total has it once.
          </Text>
        )}
      </div>
    </Page>
  );
}
