/** Who or what did something: people, sequences, the system, and AI agents with their model. */

import { html, type TemplateResult } from "lit";
import { icon, type IconName } from "../parts/icons";
import { isolated } from "../text/plain";
import { known, t } from "../text/i18n";

/** What events and references to them have in common. */
export type Source = {
  source_type_id: number;
  source_id: { toString(): string };
  source_type?: string | null | undefined;
  source_name: string;
  source_info: string;
};

const ICONS: Record<string, IconName> = { user: "user", sequence: "repeat", system: "gear", mcp: "spark" };

/** Returns the name of a kind of source. */
export function kindOf(source: Pick<Source, "source_type" | "source_type_id">): string {
  const key = known(`source.${source.source_type ?? ""}`);
  if (key) return t(key);
  return source.source_type ? isolated(source.source_type, 60) : t("source.unknown", { id: String(source.source_type_id) });
}

/** Returns the name of a source: its own, or its kind and id. */
export function nameOf(source: Source): string {
  if (source.source_name) return isolated(source.source_name, 60);
  return `${kindOf(source)} ${source.source_id.toString()}`;
}

/** Returns a name with what is known beside it, such as the model of an agent. */
export function fullNameOf(source: Source): string {
  return source.source_info ? `${nameOf(source)} (${isolated(source.source_info, 80)})` : nameOf(source);
}

export const sameSource = (one: Source, other: Source) =>
  one.source_type_id === other.source_type_id &&
  one.source_id.toString() === other.source_id.toString() &&
  one.source_name === other.source_name;

export const sourceIcon = (type: string | null | undefined): IconName => ICONS[type ?? ""] ?? "dot";

/** A small mark of a source, with its name for screen readers beside it. */
export const avatar = (source: Source): TemplateResult =>
  html`<span class="avatar" data-kind=${source.source_type ?? ""} aria-hidden="true">${icon(sourceIcon(source.source_type))}</span>`;
