/** `<eh-administration>`: what needs the scope `admin`: tenants, keys, and the state of the service. */

import { css, html, LitElement, nothing } from "lit";
import type { Catalogue } from "../api/types";
import { icon } from "../parts/icons";
import { base } from "../parts/styles";
import { openHistory } from "../state/chosen-tenant";
import { tenantsLink, type AdministrationRoute } from "../state/router";
import { de } from "../text/administration/de";
import { en } from "../text/administration/en";
import { addMessages, t } from "../text/i18n";
import "./keys";
import { look } from "./look";
import "./service";
import "./tenant";
import "./tenants";

addMessages({ en, de });

/** The client id of the history of what administrators did. */
const SYSTEM_TENANT = "_system";

class Administration extends LitElement {
  static override properties = { route: { attribute: false }, catalogue: { attribute: false } };
  declare route: AdministrationRoute;
  declare catalogue: Catalogue | undefined;

  static override styles = [
    base,
    look,
    css`
      :host {
        max-width: 1000px;
        margin: 0 auto;
        padding: 18px 20px 48px;
      }
      nav {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin-bottom: 18px;
        border-bottom: 1px solid var(--line);
      }
      nav a,
      nav button {
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 6px 6px 0 0;
        min-height: 0;
        padding: 6px 10px;
        color: var(--muted);
        background: none;
        font-weight: 450;
        margin-bottom: -1px;
      }
      nav a[aria-current] {
        color: var(--text);
        border-color: var(--accent);
      }
      @media (max-width: 640px) {
        :host {
          padding: 12px 12px 32px;
        }
      }
    `,
  ];

  override render() {
    const { route } = this;
    const tab = (views: string[], link: string, text: string) => html`<a href=${link} aria-current=${views.includes(route.view) ? "page" : nothing}>${text}</a>`;
    return html`<nav aria-label=${t("admin.title")}>
        ${tab(["tenants", "tenant"], tenantsLink(), t("admin.tenants"))} ${tab(["keys"], "#/keys", t("admin.keys"))}
        ${tab(["service"], "#/service", t("admin.service"))}
        <button @click=${() => openHistory(SYSTEM_TENANT)}>${t("admin.audit")} ${icon("right")}</button>
      </nav>
      <main>${this.#content(route)}</main>`;
  }

  #content(route: AdministrationRoute) {
    switch (route.view) {
      case "tenants":
        return html`<eh-tenants q=${route.q}></eh-tenants>`;
      case "tenant":
        return html`<eh-tenant clientId=${route.id} .catalogue=${this.catalogue}></eh-tenant>`;
      case "keys":
        return html`<eh-keys></eh-keys>`;
      case "service":
        return html`<eh-service></eh-service>`;
    }
  }
}

customElements.define("eh-administration", Administration);
