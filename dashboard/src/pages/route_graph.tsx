/** A route drawn: each element a box, each output an arrow with its name. Drawn by hand, it changes the same elements that
 * stand beside it as JSON. */

import dagre from "@dagrejs/dagre";
import { useComputedColorScheme } from "@mantine/core";
import {
  Background, BaseEdge, Controls, Handle, MarkerType, Position, ReactFlow, type Connection, type Edge, type EdgeProps, type Node, type NodeProps,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useMemo } from "react";
import type { Schemas } from "../api/client";
import { count } from "../time";
import { kindOf, outputsOf, summary, type Element, type Graph } from "./route_model";
import "./routes.css";

export type Traffic = Schemas["RouteTraffic"];

export interface Problem {
  element: string | null;
  field: string;
  message: string;
}

interface Props {
  graph: Graph;
  chosen?: string | null;
  choose?: (id: string | null) => void;
  /** Without these it is only shown. */
  connect?: (from: string, output: string, to: string) => void;
  disconnect?: (from: string, output: string) => void;
  remove?: (id: string) => void;
  problems?: readonly Problem[];
  traffic?: Traffic;
  /** The elements that a request came to. */
  way?: readonly string[];
}

interface Box extends Record<string, unknown> {
  element: Element;
  outputs: readonly string[];
  chosen: boolean;
  problems: readonly Problem[];
  came?: { requests: number; failed: number; share: string };
  onWay: boolean;
  editable: boolean;
}

export default function RouteGraph({ graph, chosen, choose, connect, disconnect, remove, problems = [], traffic, way = [] }: Props) {
  const scheme = useComputedColorScheme();
  const editable = !!connect;
  const { nodes, edges } = useMemo(() => laidOut(graph, traffic), [graph, traffic]);
  const boxes = useMemo<Node<Box>[]>(
    () =>
      nodes.map((node) => ({
        ...node,
        selected: node.id === chosen,
        data: {
          ...node.data,
          chosen: node.id === chosen,
          problems: problems.filter((problem) => problem.element === node.id),
          onWay: way.includes(node.id),
          editable,
        },
      })),
    [nodes, chosen, problems, way, editable],
  );
  const drawn = useMemo(
    () => edges.map((edge) => (onWay(edge, way) ? { ...edge, style: { ...edge.style, stroke: "var(--mantine-primary-color-filled)", strokeWidth: 2 } } : edge)),
    [edges, way],
  );
  const joined = ({ source, sourceHandle, target }: Connection) => {
    if (sourceHandle && source !== target) connect?.(source, sourceHandle, target);
  };
  return (
    <div className="tw-graph" role="group" aria-label={`Graph of ${graph.length} elements`}>
      <ReactFlow
        nodes={boxes}
        edges={drawn}
        nodeTypes={KINDS_OF_BOXES}
        edgeTypes={KINDS_OF_WAYS}
        colorMode={scheme}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1 }}
        minZoom={0.2}
        nodesDraggable={false}
        nodesConnectable={editable}
        elementsSelectable
        edgesFocusable={editable}
        deleteKeyCode={editable ? ["Delete", "Backspace"] : null}
        onNodesDelete={(gone) => gone.forEach((node) => remove?.(node.id))}
        onEdgesDelete={(gone) => gone.forEach((edge) => edge.sourceHandle && disconnect?.(edge.source, edge.sourceHandle))}
        onConnect={joined}
        onReconnect={(old, fresh) => {
          if (old.sourceHandle && (old.source !== fresh.source || old.sourceHandle !== fresh.sourceHandle)) disconnect?.(old.source, old.sourceHandle);
          joined(fresh);
        }}
        onNodesChange={(changes) => {
          for (const one of changes) if (one.type === "select" && one.selected) choose?.(one.id);
        }}
        onPaneClick={() => choose?.(null)}
        proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{
          "node.a11yDescription.default": editable ? "Enter chooses it, Delete takes it out." : "Enter chooses it.",
          "edge.a11yDescription.default": "Delete takes this way out.",
        }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

const Box = memo(function Box({ data: { element, outputs, chosen, problems, came, onWay, editable } }: NodeProps<Node<Box>>) {
  const kind = kindOf(element);
  const said = summary(element);
  return (
    <div
      className="tw-node"
      data-kind={kind ?? "unknown"}
      data-chosen={chosen || undefined}
      data-wrong={problems.length > 0 || undefined}
      data-way={onWay || undefined}
    >
      {kind !== "start" && <Handle type="target" position={Position.Top} isConnectable={editable} />}
      <div className="tw-node-head">
        <span className="tw-node-name" title={element.id}>
          {element.id}
        </span>
        {kind !== "start" && kind !== "end" && <span className="tw-node-kind">{element.type.replaceAll("_", " ")}</span>}
      </div>
      {said && (
        <div className="tw-node-said" title={said}>
          {said}
        </div>
      )}
      {came && (
        <div className="tw-node-traffic">
          <span>
            {came.share} · {count(came.requests)}
          </span>
          {came.failed > 0 && (
            <span className="tw-node-failed">
              {count(came.failed)} {kind === "rate" ? "limited" : "failed"}
            </span>
          )}
        </div>
      )}
      {problems.length > 0 && (
        <span className="tw-node-wrong">{problems.length === 1 ? "1 problem" : `${problems.length} problems`}</span>
      )}
      {outputs.map((name, place) => (
        <Handle
          key={name}
          id={name}
          type="source"
          position={Position.Bottom}
          isConnectable={editable}
          title={name}
          style={{ left: `${((place + 1) * 100) / (outputs.length + 1)}%` }}
        />
      ))}
    </div>
  );
});

const KINDS_OF_BOXES = { box: Box };

interface Point {
  x: number;
  y: number;
}

/** An arrow by the points that the layout found for it, so that none runs behind a box. */
function Way({ sourceX, sourceY, targetX, targetY, data, label, markerEnd, style }: EdgeProps) {
  const { between, middle } = data as { between: Point[]; middle: Point };
  const points = [{ x: sourceX, y: sourceY }, ...between, { x: targetX, y: targetY }];
  return <BaseEdge path={bent(points)} label={label} labelX={middle.x} labelY={middle.y} labelBgPadding={[4, 2]} markerEnd={markerEnd} style={style} />;
}

const KINDS_OF_WAYS = { way: Way };

/** A line through all points whose corners are round; it ends downwards, as the arrows of the boxes do. */
function bent(points: readonly Point[]): string {
  const parts = [`M${points[0]?.x},${points[0]?.y}`];
  for (let place = 1; place < points.length; place++) {
    const [from, to] = [points[place - 1], points[place]];
    if (!from || !to) continue;
    const half = (to.y - from.y) / 2;
    parts.push(`C${from.x},${from.y + half} ${to.x},${to.y - half} ${to.x},${to.y}`);
  }
  return parts.join(" ");
}

function onWay(edge: Edge, way: readonly string[]): boolean {
  const place = way.indexOf(edge.source);
  return place >= 0 && way[place + 1] === edge.target;
}

function laidOut(graph: Graph, traffic?: Traffic): { nodes: Node<Box>[]; edges: Edge[] } {
  const drawing = new dagre.graphlib.Graph({ multigraph: true }).setGraph({ rankdir: "TB", nodesep: 36, ranksep: 54, edgesep: 20 }).setDefaultEdgeLabel(() => ({}));
  const came = new Map(traffic?.elements.map((one) => [one.element, one]));
  const size = (element: Element) => {
    const small = element.type === "start" || element.type === "end";
    const tall = (small ? 34 : 52) + (came.has(element.id) ? 28 : 0);
    return { width: small ? 120 : 220, height: tall };
  };
  const edges: Edge[] = [];
  for (const element of graph) drawing.setNode(element.id, size(element));
  for (const element of graph)
    for (const { name, target } of element.ways ?? []) {
      if (!drawing.hasNode(target)) continue;
      drawing.setEdge(element.id, target, { width: name === "next" || name === "success" ? 0 : 8 * name.length, height: 16, labelpos: "c" }, name);
      edges.push({
        id: `${element.id}-${name}`,
        type: "way",
        source: element.id,
        sourceHandle: name,
        target,
        label: name === "next" || name === "success" ? undefined : name,
        ariaLabel: `${name} of ${element.id} leads to ${target}`,
        markerEnd: { type: MarkerType.ArrowClosed },
        style: name === "fallback" || name === "false" ? { strokeDasharray: "5 4" } : undefined,
      });
    }
  dagre.layout(drawing);
  for (const edge of edges) {
    const { points, x, y } = drawing.edge({ v: edge.source, w: edge.target, name: edge.sourceHandle ?? "" }) as { points: Point[]; x?: number; y?: number };
    const between = points.slice(1, -1);
    const middle = between[Math.floor(between.length / 2)] ?? points[0] ?? { x: 0, y: 0 };
    edge.data = { between, middle: x !== undefined && y !== undefined ? { x, y } : middle };
  }
  const leaves = new Map(edges.map((edge) => [edge.id, (edge.data as { between: Point[] }).between[0]?.x]));
  const nodes = graph.map<Node<Box>>((element) => {
    const { x, y } = drawing.node(element.id) as { x: number; y: number };
    const { width, height } = size(element);
    const there = came.get(element.id);
    return {
      id: element.id,
      type: "box",
      position: { x: x - width / 2, y: y - height / 2 },
      ariaLabel: `${element.id}, ${element.type} ${summary(element)}`,
      data: {
        element,
        outputs: ordered(outputsOf(element), (name) => leaves.get(`${element.id}-${name}`)),
        chosen: false,
        problems: [],
        onWay: false,
        editable: false,
        came: there && traffic ? { requests: there.requests, failed: there.failed, share: part(there.requests, traffic.requests) } : undefined,
      },
    };
  });
  return { nodes, edges };
}

/** From left to right as their arrows leave, so that they do not cross; those that lead nowhere last. */
function ordered(names: readonly string[], at: (name: string) => number | undefined): string[] {
  return [...names].sort((a, b) => (at(a) ?? Infinity) - (at(b) ?? Infinity) || 0);
}

function part(some: number, all: number): string {
  return all === 0 ? "—" : `${((some * 100) / all).toFixed(some === all ? 0 : 1)} %`;
}
