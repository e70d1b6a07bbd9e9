/** A route drawn: each element a box, each output an arrow with its name. */

import dagre from "@dagrejs/dagre";
import { useComputedColorScheme } from "@mantine/core";
import { Background, Controls, MarkerType, Position, ReactFlow, type Edge, type Node } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useMemo } from "react";

interface Element {
  id: string;
  type: string;
  properties?: Record<string, unknown>;
  outputs?: Record<string, string | { elementId?: string }>;
}

const [WIDE, TALL] = [210, 44];

export default function RouteGraph({ elements }: { elements: readonly unknown[] }) {
  const scheme = useComputedColorScheme();
  const { nodes, edges } = useMemo(() => laidOut(elements as Element[]), [elements]);
  return (
    <div className="tw-graph" role="group" aria-label={`Graph of ${nodes.length} elements`}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        colorMode={scheme}
        fitView
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

function laidOut(elements: readonly Element[]): { nodes: Node[]; edges: Edge[] } {
  const graph = new dagre.graphlib.Graph().setGraph({ rankdir: "TB", nodesep: 40, ranksep: 56 }).setDefaultEdgeLabel(() => ({}));
  const edges: Edge[] = [];
  for (const element of elements) graph.setNode(element.id, { width: WIDE, height: TALL });
  for (const element of elements)
    for (const [name, output] of Object.entries(element.outputs ?? {})) {
      const target = typeof output === "string" ? output : output.elementId;
      if (!target || !graph.hasNode(target)) continue;
      graph.setEdge(element.id, target);
      edges.push({
        id: `${element.id}-${name}`,
        source: element.id,
        target,
        label: name,
        markerEnd: { type: MarkerType.ArrowClosed },
        style: name === "fallback" || name === "false" ? { strokeDasharray: "5 4" } : undefined,
      });
    }
  dagre.layout(graph);
  const nodes = elements.map<Node>((element) => {
    const { x, y } = graph.node(element.id) as { x: number; y: number };
    return {
      id: element.id,
      position: { x: x - WIDE / 2, y: y - TALL / 2 },
      sourcePosition: Position.Bottom,
      targetPosition: Position.Top,
      type: element.type === "start" ? "input" : element.type === "end" ? "output" : "default",
      data: { label: label(element) },
      style: { width: WIDE },
    };
  });
  return { nodes, edges };
}

function label({ id, type, properties = {} }: Element): string {
  if (type === "start" || type === "end") return id;
  const model = properties.model ? `${properties.provider ? `${String(properties.provider)}/` : ""}${String(properties.model)}` : "";
  const targets = Array.isArray(properties.targets) ? `${properties.targets.length} models` : "";
  return `${id} · ${model || targets || type}`;
}
