import "virtual:mantine.css";
import "@mantine/notifications/styles.css";
import "./style.css";

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { lazy, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "./api/client";
import { Signed } from "./api/session";
import { router } from "./router";
import { theme, variables } from "./theme";

// The policy of the page lets no style in that does not carry the nonce of this answer.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
setNonce(nonce);

// Whoever tells something loads it too; what was told before it is here waits for it.
const Notifications = lazy(() => import("@mantine/notifications").then(({ Notifications }) => ({ default: Notifications })));

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Suspense>
        <Notifications position="bottom-right" transitionDuration={100} />
      </Suspense>
      <QueryClientProvider client={queries}>
        <Signed>
          <RouterProvider router={router} />
        </Signed>
      </QueryClientProvider>
    </MantineProvider>,
  );
