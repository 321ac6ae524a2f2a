/** `<eh-export>`: everything that matches the filters, as a file. */

import { css, html, LitElement, nothing } from "lit";
import { address, isAbort, request } from "../api/client";
import { icon } from "../parts/icons";
import "../parts/menu";
import { explained } from "../parts/states";
import { base } from "../parts/styles";
import { size } from "../text/format";
import { t } from "../text/i18n";

type Format = "csv" | "ndjson";

class Export extends LitElement {
  static override properties = { filters: { attribute: false }, received: { state: true }, error: { state: true } };
  declare filters: URLSearchParams;
  /** Bytes so far, while one is under way. */
  declare received: number | undefined;
  declare error: unknown;

  #abort = new AbortController();

  static override styles = [
    base,
    css`
      .choices {
        display: grid;
        gap: 2px;
        width: 264px;
      }
      .choices > button {
        display: grid;
        grid-template-columns: 20px 1fr;
        border: 0;
        background: none;
        text-align: start;
        white-space: normal;
        padding: 8px;
        align-items: start;
        justify-content: stretch;
      }
      .choices > button:hover {
        background: var(--raised);
      }
      small {
        display: block;
        color: var(--muted);
        font-weight: 400;
        font-size: 12px;
      }
      .under-way {
        padding: 8px;
        display: flex;
        justify-content: space-between;
        align-items: center;
        gap: 10px;
      }
    `,
  ];

  constructor() {
    super();
    this.filters = new URLSearchParams();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override render() {
    const choice = (format: Format) => html`<button @click=${() => this.#run(format)}>
      ${icon("download")}<span>${t(`export.${format}`)}<small>${t(`export.${format}_text`)}</small></span>
    </button>`;
    return html`<eh-menu label=${t("export.title")} symbol="download">
      <div class="choices">
        ${this.received === undefined
          ? html`${choice("csv")} ${choice("ndjson")}`
          : html`<div class="under-way" role="status">
              <span>${t("export.under_way", { size: size(this.received) })}</span>
              <button @click=${() => this.#abort.abort()}>${t("action.cancel")}</button>
            </div>`}
        ${this.error ? html`<div class="notice bad" role="alert">${icon("alert")}<div>${explained(this.error)}</div></div>` : nothing}
      </div>
    </eh-menu>`;
  }

  async #run(format: Format): Promise<void> {
    this.#abort = new AbortController();
    [this.received, this.error] = [0, undefined];
    try {
      const parameters = new URLSearchParams(this.filters);
      parameters.set("format", format);
      const { signal } = this.#abort;
      const response = await request(address("api/history/export", parameters), { signal });
      const counted = response.body!.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            this.received = (this.received ?? 0) + chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
      // Browsers keep large blobs on disk. One that is cut off is an error, and no file.
      save(await new Response(counted).blob(), `history.${format}`);
    } catch (error) {
      if (!isAbort(error) && !this.#abort.signal.aborted) this.error = error;
    }
    this.received = undefined;
  }
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

customElements.define("eh-export", Export);
