import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./style.css";

import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { queries } from "./api/client";
import { Signed } from "./api/session";
import { router } from "./router";
import { theme, variables } from "./theme";

// The policy of the page lets no style in that does not carry the nonce of this answer.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
setNonce(nonce);

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" transitionDuration={100} />
      <QueryClientProvider client={queries}>
        <Signed>
          <RouterProvider router={router} />
        </Signed>
      </QueryClientProvider>
    </MantineProvider>,
  );
