/** The look of what several parts have: buttons, inputs, cards, messages. Colours are those of colours.css. */

import { css } from "lit";

export const base = css`
  :host {
    display: block;
    color: var(--text);
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  figure {
    margin: 0;
    padding: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  h1 {
    font-size: 20px;
    line-height: 1.3;
    font-weight: 650;
    letter-spacing: -0.01em;
    overflow-wrap: anywhere;
  }
  h1:focus {
    outline: none;
  }
  h2 {
    font-size: 13px;
    font-weight: 650;
    line-height: 1.4;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
    border-radius: 6px;
  }
  .icon {
    width: 16px;
    height: 16px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
    vertical-align: -3px;
  }
  button,
  .button {
    font: inherit;
    font-weight: 550;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: 8px;
    min-height: 32px;
    padding: 4px 11px;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover,
  .button:hover {
    background: var(--raised);
    text-decoration: none;
  }
  button:disabled {
    color: var(--muted);
    cursor: default;
    background: var(--raised);
  }
  button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--accent-text);
  }
  button.primary:hover {
    filter: brightness(1.08);
  }
  button.plain {
    border-color: transparent;
    background: none;
    padding: 4px 8px;
  }
  button.plain:hover {
    background: var(--raised);
  }
  button.link {
    border: 0;
    background: none;
    padding: 0;
    min-height: 0;
    color: var(--accent);
    font-weight: inherit;
    white-space: normal;
    text-align: start;
  }
  button.link:hover {
    text-decoration: underline;
  }
  input,
  select {
    font: inherit;
    color: var(--text);
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: 8px;
    min-height: 34px;
    padding: 5px 10px;
    width: 100%;
    min-width: 0;
  }
  input[type="checkbox"],
  input[type="radio"] {
    width: 16px;
    min-height: 0;
    height: 16px;
    margin: 0;
    accent-color: var(--accent);
    flex: none;
  }
  input::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  input:focus-visible,
  select:focus-visible {
    outline-offset: -1px;
  }
  label {
    font-weight: 550;
  }
  .muted {
    color: var(--muted);
  }
  .mono {
    font-family: var(--mono);
    font-size: 12.5px;
    overflow-wrap: anywhere;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  bdi,
  .text {
    unicode-bidi: isolate;
    overflow-wrap: anywhere;
  }
  .avatar {
    display: inline-grid;
    place-items: center;
    width: 22px;
    height: 22px;
    border-radius: 50%;
    background: var(--raised);
    color: var(--muted);
    flex: none;
  }
  .avatar .icon {
    width: 13px;
    height: 13px;
  }
  .avatar[data-kind="mcp"] {
    background: var(--accent-soft);
    color: var(--accent);
  }
  .notice {
    display: flex;
    gap: 10px;
    align-items: flex-start;
    padding: 10px 12px;
    border-radius: 10px;
    background: var(--raised);
    overflow-wrap: anywhere;
  }
  .notice.bad {
    background: var(--remove-soft);
    color: var(--remove);
  }
  .notice.warn {
    background: var(--warn-soft);
    color: var(--warn);
  }
  .notice.good {
    background: var(--add-soft);
    color: var(--add);
  }
  .notice .icon {
    margin-top: 2px;
  }
  .notice > div {
    flex: 1;
    min-width: 0;
  }
  .blank {
    text-align: center;
    padding: 56px 20px;
    color: var(--muted);
  }
  .blank .icon {
    width: 34px;
    height: 34px;
    stroke-width: 1.3;
    margin-bottom: 10px;
  }
  .blank strong {
    display: block;
    color: var(--text);
    font-size: 15px;
    margin-bottom: 4px;
  }
  .blank button,
  .blank .button {
    margin-top: 14px;
  }
  .skeleton {
    background: var(--raised);
    border-radius: 6px;
    animation: breathe 1.4s ease-in-out infinite;
  }
  .skeleton.bar {
    height: 14px;
    margin: 12px 0;
  }
  .skeleton.bar:nth-child(odd) {
    width: 72%;
  }
  @keyframes breathe {
    50% {
      opacity: 0.5;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .skeleton {
      animation: none;
    }
  }
  dl.facts {
    display: grid;
    grid-template-columns: minmax(88px, max-content) minmax(0, 1fr);
    gap: 7px 16px;
  }
  .utc {
    font-size: 12.5px;
    font-variant-numeric: tabular-nums;
  }
  dl.facts dt {
    color: var(--muted);
  }
  dl.facts dd {
    overflow-wrap: anywhere;
    min-width: 0;
  }
`;
