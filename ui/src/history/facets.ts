/** `<eh-facets>`: kinds of events and sources with their numbers, to choose from. Dispatches `filters`. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import type { Catalogue, Count } from "../api/types";
import { typeIcon, typeName } from "../events/sentences";
import { kindOf, nameOf, sourceIcon } from "../events/who";
import { icon, type IconName } from "../parts/icons";
import { base } from "../parts/styles";
import { toggled, withFilter, type Filter } from "../state/router";
import { number, t } from "../text/i18n";
import type { Figures } from "./figures";

/** More of one kind are not offered: the form takes any. */
const MAX_SHOWN = 8;

/** A kind with its number, or of the catalogue without one. */
type Known = Omit<Count, "count"> & { count?: number };
type Entry = { label: string; symbol: IconName; count: number | undefined; chosen: boolean; choose: () => void };

class Facets extends LitElement {
  static override properties = {
    filters: { attribute: false },
    figures: { attribute: false },
    version: { attribute: false },
    catalogue: { attribute: false },
    names: { attribute: false },
  };
  declare filters: URLSearchParams;
  declare figures: Figures | undefined;
  declare version: number;
  declare catalogue: Catalogue | undefined;
  /** Names of sources that events have shown, by kind and id. */
  declare names: ReadonlyMap<string, string>;

  static override styles = [
    base,
    css`
      h2 {
        color: var(--muted);
        font-size: 12px;
        padding: 0 8px 4px;
      }
      section + section {
        margin-top: 18px;
      }
      button {
        width: 100%;
        border: 0;
        background: none;
        justify-content: flex-start;
        font-weight: 450;
        padding: 4px 8px;
        min-height: 30px;
        gap: 8px;
        text-align: start;
      }
      button .icon {
        color: var(--muted);
        width: 15px;
        height: 15px;
      }
      button[aria-pressed="true"] {
        background: var(--accent-soft);
        font-weight: 600;
      }
      button[aria-pressed="true"] .icon {
        color: var(--accent);
      }
      .name {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .number {
        color: var(--muted);
        font-size: 12px;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  override render() {
    return html`${this.#section(t("facet.event_type"), this.#types())} ${this.#section(t("facet.source_type"), this.#kinds())}
    ${this.#section(t("facet.source"), this.#sources())}`;
  }

  #section(title: string, entries: Entry[]): TemplateResult | typeof nothing {
    if (entries.length === 0) return nothing;
    return html`<section>
      <h2>${title}</h2>
      <ul>
        ${entries.map(
          (it) => html`<li>
            <button aria-pressed=${it.chosen} @click=${it.choose} title=${it.label}>
              ${icon(it.symbol)}<span class="name">${it.label}</span>
              <span class="number">${it.count === undefined ? "" : number(it.count)}</span>
            </button>
          </li>`,
        )}
      </ul>
    </section>`;
  }

  #types(): Entry[] {
    const counts = this.figures?.facets.event_type;
    const known: Known[] = counts?.length
      ? counts
      : (this.catalogue?.event_types ?? []).map((it) => ({ event_type_id: it.id, event_type: it.name }));
    return this.#shown(known, "event_type_id", counts).map((it) => ({
      label: typeName(it.event_type, it.event_type_id ?? 0),
      symbol: typeIcon(it.event_type),
      ...this.#choice("event_type_id", String(it.event_type_id), it),
    }));
  }

  #kinds(): Entry[] {
    const counts = this.figures?.facets.source_type;
    const known: Known[] = counts?.length
      ? counts
      : (this.catalogue?.source_types ?? []).map((it) => ({ source_type_id: it.id, source_type: it.name }));
    return this.#shown(known, "source_type_id", counts).map((it) => ({
      label: kindOf({ source_type: it.source_type ?? null, source_type_id: it.source_type_id ?? 0 }),
      symbol: sourceIcon(it.source_type),
      ...this.#choice("source_type_id", String(it.source_type_id), it),
    }));
  }

  #sources(): Entry[] {
    const counts = this.figures?.facets.source ?? [];
    return counts.slice(0, MAX_SHOWN).map((it) => {
      const [kind, id] = [String(it.source_type_id), String(it.source_id)];
      const type = this.catalogue?.source_types.find((known) => String(known.id) === kind)?.name ?? null;
      const source = { source_type: type, source_type_id: it.source_type_id ?? 0, source_id: id, source_info: "" };
      const chosen = this.filters.get("source_id") === id && this.filters.get("source_type_id") === kind;
      return {
        label: nameOf({ ...source, source_name: this.names.get(`${kind} ${id}`) ?? "" }),
        symbol: sourceIcon(type),
        count: it.count,
        chosen,
        choose: () => {
          const rest = withFilter(this.filters, "source_id", chosen ? "" : id);
          this.#change(withFilter(rest, "source_type_id", chosen ? "" : kind));
        },
      };
    });
  }

  /** The most frequent ones, and those that are chosen. */
  #shown<It extends { count?: number }>(all: It[], name: Filter & keyof It, counts: Count[] | undefined): It[] {
    const chosen = this.filters.getAll(name);
    const limit = counts?.length ? MAX_SHOWN : all.length;
    return all.filter((it, index) => index < limit || chosen.includes(String(it[name])));
  }

  #choice(name: Filter, value: string, it: { count?: number }): Pick<Entry, "count" | "chosen" | "choose"> {
    return {
      count: it.count,
      chosen: this.filters.getAll(name).includes(value),
      choose: () => this.#change(toggled(this.filters, name, value)),
    };
  }

  #change(filters: URLSearchParams): void {
    this.dispatchEvent(new CustomEvent("filters", { detail: filters }));
  }
}

customElements.define("eh-facets", Facets);
