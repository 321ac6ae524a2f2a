/** The look of the pages of administration: lists, forms, and buttons of what cannot be undone. */

import { css } from "lit";

export const look = css`
  /* Not under the bar, once what has the focus is scrolled to. */
  a,
  button,
  input,
  select,
  h1,
  h2 {
    scroll-margin-top: calc(var(--bar) + 12px);
  }
  header.title {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 12px;
    align-items: center;
    justify-content: space-between;
    margin-bottom: 14px;
  }
  section {
    margin-top: 26px;
  }
  section > h2 {
    font-size: 15px;
    margin-bottom: 4px;
  }
  section > p.muted {
    margin-bottom: 10px;
    max-width: 68ch;
  }
  .card {
    padding: 14px 16px;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  button.danger {
    color: var(--remove);
    border-color: var(--remove);
  }
  button.danger.primary {
    color: var(--surface);
    background: var(--remove);
  }
  ul.list {
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--surface);
    overflow: hidden;
  }
  ul.list > li + li {
    border-top: 1px solid var(--line);
  }
  .line {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 2px 14px;
    align-items: center;
    padding: 10px 14px;
    color: inherit;
  }
  a.line:hover {
    background: var(--raised);
    text-decoration: none;
  }
  a.line:focus-visible {
    outline-offset: -2px;
  }
  .line strong {
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  .line .muted {
    font-size: 12.5px;
    overflow-wrap: anywhere;
  }
  label input,
  label select {
    font-weight: 400;
  }
  form.stacked {
    display: grid;
    gap: 14px;
  }
  form.stacked label {
    display: grid;
    gap: 5px;
  }
  form.stacked label.check,
  label.check {
    display: flex;
    gap: 8px;
    align-items: center;
    font-weight: 450;
  }
  fieldset {
    border: 0;
    margin: 0;
    padding: 0;
    display: grid;
    gap: 6px;
  }
  legend {
    padding: 0 0 6px;
    font-weight: 550;
  }
  form.inline {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: end;
  }
  form.inline label {
    display: grid;
    gap: 5px;
    flex: 1 1 160px;
  }
  small {
    color: var(--muted);
    font-weight: 400;
  }
  .more {
    padding: 12px 0;
    text-align: center;
  }
  .notice {
    margin: 10px 0;
  }
  .scope {
    display: inline-block;
    border-radius: 10px;
    padding: 0 8px;
    background: var(--raised);
    font-size: 12px;
    margin-inline-end: 4px;
  }
`;
