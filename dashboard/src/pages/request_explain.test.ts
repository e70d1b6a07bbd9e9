import { describe, expect, it } from "vitest";
import { curl, least } from "./request_explain";

describe("curl", () => {
  it("keeps the key out, and quotes for a shell", () => {
    const text = curl({ method: "POST", path: "/v1/chat/completions", gateway: "default" }, { content: "it's" }, "http://gateway");
    expect(text).toBe(
      `curl -X POST 'http://gateway/v1/chat/completions' \\\n  -H "Authorization: Bearer $TOLLWAY_KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '{"content":"it'\\''s"}'`,
    );
  });
  it("lets nothing that a caller wrote out of its quotes, nor steer the terminal", () => {
    const path = "/v1/x';rm -rf ~;'?\u202e=\u001b\ud800";
    const text = curl({ method: "POST", path, gateway: "default" }, { model: "a\u202eb\u009b2J\u{e0067}'" }, "http://gateway");
    expect(text.split(" \\\n")[0]).toBe(`curl -X POST 'http://gateway/v1/x'\\'';rm%20-rf%20~;'\\''?%E2%80%AE=%1B%EF%BF%BD'`);
    expect(text.split("-d ")[1]).toBe(`'{"model":"a\\u202eb\\u009b2J\\udb40\\udc67'\\''"}'`);
    expect(curl({ method: "X;reboot", path: "/", gateway: "default" }, {}, "")).toContain("-X 'X;reboot' ");
  });
  it("asks with a body only where there is one", () => {
    expect(curl({ method: "GET", path: "/v1/models", gateway: "default" }, {}, "")).not.toContain("-d");
  });
});

describe("least", () => {
  it("names the model with its provider, as the road takes it", () => {
    expect(least({ provider: "openai", request_model: "gpt-5" }).model).toBe("openai/gpt-5");
    expect(least({ provider: null, request_model: "gpt-5" }).model).toBe("gpt-5");
  });
});
