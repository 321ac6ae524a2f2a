/** `<eh-sign-in>`: asks for credentials, and tries them before it takes them. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { accessOf } from "../api/access";
import { Refusal } from "../api/client";
import { signIn, type Session } from "../api/session";
import { icon } from "../parts/icons";
import { explained } from "../parts/states";
import { base } from "../parts/styles";
import { t, type Key } from "../text/i18n";
import { shown } from "../text/plain";

const KINDS = ["tenant", "key", "token"] as const;

class SignIn extends LitElement {
  static override properties = { reason: {}, kind: {}, error: {}, busy: { state: true } };
  /** Why the last session ended, in the words of the service; empty if there was none. */
  declare reason: string;
  /** What the form asks for. */
  declare kind: (typeof KINDS)[number];
  /** Why it did not work, in words for the reader. */
  declare error: string;
  declare busy: boolean;

  static override styles = [
    base,
    css`
      main {
        max-width: 420px;
        margin: 0 auto;
        padding: 7vh 16px 24px;
      }
      .brand {
        display: flex;
        justify-content: center;
        padding-bottom: 14px;
      }
      .brand ::slotted(svg) {
        width: 44px;
        height: 44px;
      }
      h1,
      .lead {
        text-align: center;
      }
      .lead {
        color: var(--muted);
        margin: 4px 0 20px;
      }
      .notice {
        margin-bottom: 14px;
      }
      form {
        padding: 20px;
        display: grid;
        gap: 14px;
      }
      fieldset {
        border: 0;
        margin: 0;
        padding: 3px;
        display: grid;
        grid-template-columns: repeat(3, 1fr);
        background: var(--raised);
        border-radius: 10px;
      }
      fieldset label {
        position: relative;
        text-align: center;
        border-radius: 8px;
        padding: 5px 4px;
        color: var(--muted);
        cursor: pointer;
        font-size: 13px;
      }
      fieldset label:has(:checked) {
        background: var(--surface);
        color: var(--text);
        box-shadow: 0 1px 3px rgb(20 24 40 / 18%);
      }
      fieldset label:has(:focus-visible) {
        outline: 2px solid var(--accent);
      }
      fieldset input {
        position: absolute;
        opacity: 0;
        inset: 0;
        width: 100%;
        height: 100%;
        cursor: pointer;
      }
      .input {
        display: grid;
        gap: 5px;
      }
      small {
        color: var(--muted);
        font-weight: 400;
      }
      .keep {
        display: flex;
        gap: 9px;
        align-items: flex-start;
        font-weight: 450;
      }
      .keep input {
        margin-top: 2px;
      }
      button.primary {
        min-height: 38px;
      }
      .note {
        text-align: center;
        color: var(--muted);
        font-size: 12.5px;
        padding-top: 14px;
      }
    `,
  ];

  constructor() {
    super();
    this.reason = "";
    this.kind = "tenant";
    this.error = "";
    this.busy = false;
  }

  override firstUpdated(): void {
    this.renderRoot.querySelector<HTMLInputElement>(".input input")?.focus();
  }

  override render() {
    return html`<main>
      <div class="brand"><slot></slot></div>
      <h1>${t("sign_in.title")}</h1>
      <p class="lead">${t("sign_in.lead")}</p>
      ${this.reason ? html`<div class="notice warn" role="alert">${icon("clock")}<div>${t("sign_in.ended")} <span class="text">${shown(this.reason)}</span></div></div>` : nothing}
      <form class="card" @submit=${this.#submit} autocomplete="off">
        <fieldset>
          <legend class="hidden">${t("sign_in.with")}</legend>
          ${KINDS.map(
            (it) => html`<label><input type="radio" name="kind" value=${it} .checked=${it === this.kind} @change=${() => this.#choose(it)} />${t(`sign_in.${it}`)}</label>`,
          )}
        </fieldset>
        ${this.#inputs()}
        <label class="keep"><input type="checkbox" name="keep" checked /><span>${t("sign_in.keep")}<br /><small>${t("sign_in.keep_text")}</small></span></label>
        ${this.error ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${this.error}</div></div>` : nothing}
        <button class="primary" ?disabled=${this.busy}>${t(this.busy ? "sign_in.busy" : "sign_in.go")}</button>
      </form>
      <p class="note">${t("sign_in.note")}</p>
    </main>`;
  }

  #inputs(): TemplateResult {
    const input = (name: string, label: Key, { secret = false, optional = false } = {}) => html`<label class="input">
      <span>${t(label)}${optional ? html` <small>${t("sign_in.optional")}</small>` : nothing}</span>
      <input name=${name} type=${secret ? "password" : "text"} ?required=${!optional} autocomplete="off" spellcheck="false" autocapitalize="none" />
    </label>`;
    switch (this.kind) {
      case "tenant":
        return html`${input("clientId", "sign_in.client_id")}${input("secret", "sign_in.client_secret", { secret: true })}`;
      case "key":
        return html`${input("key", "sign_in.api_key", { secret: true })}${input("clientId", "sign_in.client_id", { optional: true })}<small>${t("sign_in.key_text")}</small>`;
      case "token":
        return html`${input("token", "sign_in.view_token", { secret: true })}`;
    }
  }

  #choose(kind: SignIn["kind"]): void {
    [this.kind, this.error] = [kind, ""];
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    const data = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const who: Session =
      this.kind === "tenant"
        ? { kind: "tenant", clientId: text("clientId"), secret: text("secret") }
        : this.kind === "key"
          ? { kind: "key", key: text("key"), clientId: text("clientId") }
          : { kind: "token", token: text("token") };
    // Anything else cannot be in a header.
    if (Object.values(who).some((it) => !/^[\x21-\x7e]*$/.test(it))) {
      this.error = t("sign_in.not_ascii");
      return;
    }
    [this.busy, this.error] = [true, ""];
    try {
      await accessOf(who);
      signIn(who, data.get("keep") !== null);
    } catch (error) {
      this.error = refusalText(error, who);
    }
    this.busy = false;
  };
}

function refusalText(error: unknown, who: Session): string {
  if (error instanceof Refusal && error.status === 401)
    return error.message.includes("expired") ? t("sign_in.expired") : t(`sign_in.unknown_${who.kind}`);
  if (error instanceof Refusal && error.status === 400 && who.kind === "key")
    return t(who.clientId ? "sign_in.unknown_client" : "sign_in.client_needed");
  if (error instanceof Refusal && error.status === 403) return t("sign_in.may_not_read");
  return explained(error);
}

customElements.define("eh-sign-in", SignIn);
