/** `<eh-document>`: a file of an event: what was recorded of it, whether storage still has that, and a preview. */

import { css, html, nothing, type TemplateResult } from "lit";
import { get, isAbort, Refusal } from "../api/client";
import type { ChangedFile, DownloadUrl } from "../api/types";
import { icon } from "../parts/icons";
import { define, Part } from "../parts/part";
import { explained } from "../parts/states";
import { base } from "../parts/styles";
import { exactSize, size } from "../text/format";
import { t, type Key } from "../text/i18n";
import { clip, isolated, shown } from "../text/plain";
import type { EventFile } from "./changes";

/** Larger files are previewed only when the reader asks for it. */
const AUTO_BYTES = 2_000_000;
const MAX_PREVIEW_BYTES = 50_000_000;
const MAX_TEXT_CHARS = 200_000;

/** Types that a browser shows without running anything in them. */
const IMAGES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const TEXTS = /^(text\/.*|application\/(json|xml|x-ndjson|yaml|csv|javascript|.*\+(json|xml))|image\/svg\+xml)$/;

type Kind = "image" | "pdf" | "text" | undefined;

/** What storage has, compared with what was recorded. */
type Check = { state: "confirmed" } | { state: "changed" | "missing"; found: ChangedFile["found"] } | { state: "failed"; error: unknown };

type Preview = { kind: "image" | "pdf"; url: string } | { kind: "text"; text: string } | { kind: "failed"; reason: Key };

class DocumentView extends Part {
  static override properties = {
    eventId: { attribute: false },
    recordId: { attribute: false },
    file: { attribute: false },
    auto: { type: Boolean },
    check: { state: true },
    preview: { state: true },
    hash: { state: true },
    busy: { state: true },
  };
  declare eventId: string;
  declare recordId: string;
  declare file: EventFile;
  /** Asks storage at once, and previews what is small. */
  declare auto: boolean;
  declare check: Check | undefined;
  declare preview: Preview | undefined;
  /** Whether the bytes that this browser received have the recorded SHA-256. */
  declare hash: "same" | "different" | undefined;
  declare busy: boolean;

  #abort = new AbortController();

  static override styles = [
    base,
    css`
      .card {
        overflow: hidden;
      }
      .head {
        display: grid;
        grid-template-columns: 36px minmax(0, 1fr);
        gap: 2px 12px;
        padding: 12px 16px;
        align-items: center;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 36px;
        height: 36px;
        border-radius: 10px;
        background: var(--raised);
        color: var(--muted);
      }
      .name {
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .sha {
        font-size: 12px;
        padding-top: 2px;
      }
      .notice {
        margin: 0 16px 12px;
      }
      .notice p + p {
        margin-top: 3px;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        padding: 0 16px 14px;
      }
      .preview {
        border-top: 1px solid var(--line);
        background: var(--raised);
      }
      img {
        display: block;
        max-width: 100%;
        max-height: 460px;
        margin: 0 auto;
      }
      iframe {
        display: block;
        border: 0;
        width: 100%;
        height: 560px;
        background: #fff;
      }
      pre {
        margin: 0;
        padding: 14px 16px;
        max-height: 380px;
        overflow: auto;
        font-family: var(--mono);
        font-size: 12.5px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
      }
      .preview p {
        padding: 14px 16px;
        color: var(--muted);
      }
    `,
  ];

  constructor() {
    super();
    this.eventId = "";
    this.recordId = "";
    this.auto = false;
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#abort = new AbortController();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#forget();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get("file") as EventFile | undefined;
    if (!changed.has("file") || before?.fileId === this.file.fileId) return;
    if (before) this.#forget();
    this.#abort = new AbortController();
    if (this.auto) void this.#begin();
  }

  override render() {
    const { fileId, name, record } = this.file;
    const facts = [record && size(record.size_bytes), record?.content_type && isolated(record.content_type, 80)].filter(Boolean);
    return html`<div class="card" part="document">
      <div class="head">
        <span class="mark">${icon("file")}</span>
        <div>
          <div class="name text">${name ? shown(clip(name, 300)) : html`<span class="mono">${fileId}</span>`}</div>
          <div class="muted">${facts.length ? facts.join(" · ") : t("document.no_record")}</div>
          ${record?.sha256 ? html`<div class="mono muted sha">SHA-256 ${record.sha256}</div>` : nothing}
        </div>
      </div>
      ${this.#verdict()}
      <div class="actions">
        ${this.check?.state === "confirmed" ? nothing : html`<button ?disabled=${this.busy} @click=${() => void this.#ask()}>${icon("check")}${t(this.busy ? "document.checking" : "document.check")}</button>`}
        ${this.#kind() && !this.preview ? html`<button ?disabled=${this.busy} @click=${() => void this.#show()}>${t("document.preview")}</button>` : nothing}
        <button ?disabled=${this.busy} @click=${() => void this.#download()}>${icon("download")}${t("document.download")}</button>
      </div>
      ${this.#previewed()}
    </div>`;
  }

  #verdict(): TemplateResult | typeof nothing {
    const check = this.check;
    if (!check) return nothing;
    const recorded = this.file.record;
    switch (check.state) {
      case "confirmed":
        return html`<div class="notice ${this.hash === "different" ? "bad" : "good"}" role="status">
          ${icon(this.hash === "different" ? "alert" : "check")}
          <div>
            <p>${t(recorded ? "document.confirmed" : "document.there")}</p>
            ${this.hash ? html`<p>${t(`document.hash_${this.hash}`)}</p>` : nothing}
          </div>
        </div>`;
      case "missing":
        return html`<div class="notice bad" role="alert">${icon("alert")}<div><p>${t("document.missing")}</p></div></div>`;
      case "changed":
        return html`<div class="notice bad" role="alert">
          ${icon("alert")}
          <div>
            <p>${t("document.changed")}</p>
            ${check.found && recorded && check.found.size_bytes !== recorded.size_bytes
              ? html`<p>${t("document.changed_size", { recorded: exactSize(recorded.size_bytes), found: exactSize(check.found.size_bytes) })}</p>`
              : nothing}
            ${check.found?.sha256 ? html`<p>${t("document.found_hash")} <span class="mono">${check.found.sha256}</span></p>` : nothing}
          </div>
        </div>`;
      case "failed":
        return html`<div class="notice warn" role="alert">${icon("alert")}<div>${explained(check.error)}</div></div>`;
    }
  }

  #previewed(): TemplateResult | typeof nothing {
    const preview = this.preview;
    if (!preview) return nothing;
    const name = this.file.name ? isolated(this.file.name) : this.file.fileId;
    const content = () => {
      switch (preview.kind) {
        case "image":
          return html`<img src=${preview.url} alt=${t("document.preview_of", { name })} @error=${() => (this.preview = { kind: "failed", reason: "document.not_shown" })} />`;
        case "pdf":
          return html`<iframe src=${preview.url} title=${t("document.preview_of", { name })}></iframe>`;
        case "text":
          return html`<pre tabindex="0">${shown(preview.text.slice(0, MAX_TEXT_CHARS))}</pre>${preview.text.length > MAX_TEXT_CHARS ? html`<p>${t("document.text_cut")}</p>` : nothing}`;
        case "failed":
          return html`<p role="status">${t(preview.reason)}</p>`;
      }
    };
    return html`<div class="preview">${content()}</div>`;
  }

  #kind(): Kind {
    const type = (this.file.record?.content_type ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if ((this.file.record?.size_bytes ?? 0) > MAX_PREVIEW_BYTES) return undefined;
    if (IMAGES.test(type)) return "image";
    if (type === "application/pdf" && navigator.pdfViewerEnabled) return "pdf";
    return TEXTS.test(type) ? "text" : undefined;
  }

  async #begin(): Promise<void> {
    const url = await this.#ask();
    if (url && this.#kind() && (this.file.record?.size_bytes ?? 0) <= AUTO_BYTES) await this.#show(url);
  }

  /** Has the service compare storage with the record, and returns where the file is. */
  async #ask(disposition = "inline"): Promise<string | undefined> {
    this.busy = true;
    const { signal } = this.#abort;
    try {
      const path = `api/history/events/${encodeURIComponent(this.eventId)}/file`;
      const { download_url: url } = await get<DownloadUrl>(path, { file_id: this.file.fileId, disposition }, signal, this.context.service);
      this.check = { state: "confirmed" };
      return url;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return undefined;
      this.check = checkOf(error);
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  async #download(): Promise<void> {
    if (!this.context.mayOpen({ event: this.eventId, record: this.recordId, file: this.file.fileId })) return;
    const url = await this.#ask("attachment");
    if (!url) return;
    const link = document.createElement("a");
    link.href = url;
    link.rel = "noreferrer";
    link.click();
  }

  async #show(known?: string): Promise<void> {
    const url = known ?? (await this.#ask());
    const kind = this.#kind();
    if (!url || !kind) return;
    const { signal } = this.#abort;
    this.busy = true;
    try {
      const response = await fetch(url, { signal, credentials: "omit", referrerPolicy: "no-referrer" });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const bytes = await response.arrayBuffer();
      await this.#compare(bytes);
      if (!signal.aborted) this.preview = previewOf(kind, bytes, this.file.record?.content_type ?? "");
    } catch {
      // The page may not read from this storage, or it did not answer: the link may still work.
      if (!signal.aborted) this.preview = { kind: "failed", reason: "document.not_readable" };
    } finally {
      this.busy = false;
    }
  }

  /** Computes the SHA-256 of what was received. Pages without TLS cannot, other than those of this machine. */
  async #compare(bytes: ArrayBuffer): Promise<void> {
    const recorded = this.file.record?.sha256;
    if (!recorded || !globalThis.crypto?.subtle) return;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (it) => it.toString(16).padStart(2, "0")).join("");
    this.hash = hex === recorded ? "same" : "different";
  }

  #forget(): void {
    this.#abort.abort();
    if (this.preview && "url" in this.preview) URL.revokeObjectURL(this.preview.url);
    [this.check, this.preview, this.hash] = [undefined, undefined, undefined];
  }
}

function checkOf(error: unknown): Check {
  const problem = error instanceof Refusal && error.status === 409 && Array.isArray(error.detail) ? (error.detail[0] as ChangedFile) : undefined;
  if (!problem) return { state: "failed", error };
  return { state: problem.type === "file_missing" ? "missing" : "changed", found: problem.found };
}

function previewOf(kind: "image" | "pdf" | "text", bytes: ArrayBuffer, type: string): Preview {
  if (kind === "text") return { kind, text: new TextDecoder().decode(bytes) };
  // A type of ours, not the file's: what it holds cannot become a page.
  const shownAs = kind === "pdf" ? "application/pdf" : (type.split(";")[0] ?? "");
  return { kind, url: URL.createObjectURL(new Blob([bytes], { type: shownAs })) };
}

define("eh-document", DocumentView);
