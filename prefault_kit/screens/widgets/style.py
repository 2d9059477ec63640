"""The CSS of the screens: JupyterLab's own colours, and greys in pages that have none."""

CSS = """
<style>
.prefault {
  --prefault-ink: var(--jp-ui-font-color1, #333);
  --prefault-dim: var(--jp-ui-font-color2, #767676);
  --prefault-line: var(--jp-border-color2, #cccccc);
  --prefault-soft: var(--jp-layout-color2, rgba(128, 128, 128, 0.12));
  --prefault-accent: #0072B2;
  --prefault-bad: #D55E00;
  --bk-axis-line-color: var(--prefault-dim);
  --bk-major-label-text-color: var(--prefault-ink);
  --bk-major-label-text-font: var(--jp-ui-font-family, sans-serif);
  --bk-major-label-text-font-size: 11.5px;
  --bk-axis-label-text-color: var(--prefault-dim);
  --bk-axis-label-text-font: var(--jp-ui-font-family, sans-serif);
  --bk-axis-label-text-font-size: 11.5px;
  --bk-grid-line-color: var(--prefault-dim);
  color: var(--prefault-ink);
  font-family: var(--jp-ui-font-family, sans-serif);
  font-size: 13px;
  line-height: 1.45;
  padding: 2px 14px 6px 2px;
  max-width: 1500px;
}
.prefault, .prefault .widget-box, .prefault .jupyter-widgets { overflow: visible; }
.prefault code {
  font-family: var(--jp-code-font-family, monospace); font-size: 12px;
  background: var(--prefault-soft); color: var(--prefault-ink);
  padding: 1px 5px; border-radius: 3px; overflow-wrap: anywhere; user-select: all;
}
.prefault .widget-html, .prefault .widget-html-content {
  line-height: 1.45; font-size: 13px; height: auto; color: var(--prefault-ink); margin: 0;
  min-width: 0;
}
.prefault-grid {
  display: grid !important; gap: 14px 26px; width: 100%;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, max(440px, 46%)), 1fr));
  align-items: start;
}
.prefault-grid > * { min-width: 0; width: auto; margin: 0; }
.prefault-panel { gap: 6px; }
.prefault .widget-vbox > .prefault-panel + .prefault-panel { margin-top: 14px; }
.prefault > .widget-box, .prefault > .jupyter-widgets { margin: 0 0 10px 0; }
.prefault-row { align-items: baseline; gap: 6px; margin: 0; }
.prefault-row > .widget-html:first-child { flex: 0 0 86px; }
.prefault-row > .widget-html:first-child .widget-html-content { color: var(--prefault-dim); }
.prefault-row > .prefault-chips { flex: 1 1 0; }
.prefault-chips { flex-wrap: wrap; gap: 4px; margin: 0; }
.prefault .jupyter-button {
  width: auto; height: 26px; line-height: 24px; margin: 0; padding: 0 10px; border-radius: 4px;
  border: 1px solid var(--prefault-line); background: transparent; color: var(--prefault-ink);
  font-size: 12.5px; box-shadow: none;
}
.prefault .jupyter-button:hover:enabled { border-color: var(--prefault-accent); box-shadow: none; }
.prefault .jupyter-button.mod-active {
  background: var(--prefault-accent); border-color: var(--prefault-accent); color: white;
  font-weight: 600;
}
.prefault .jupyter-button:disabled {
  opacity: 0.62; border-style: dashed; text-decoration: line-through; cursor: not-allowed;
}
.prefault .jupyter-button:focus-visible, .prefault input:focus-visible,
.prefault select:focus-visible {
  outline: 2px solid var(--prefault-accent); outline-offset: 2px;
}
.prefault-actions { flex-wrap: wrap; gap: 8px; align-items: center; margin: 0;
  border-top: 1px solid var(--prefault-line); padding-top: 12px; }
.prefault-actions .jupyter-button { height: 30px; line-height: 28px; padding: 0 16px;
  font-size: 13px; }
.prefault-actions .jupyter-button:disabled { text-decoration: none; border-style: solid;
  opacity: 0.45; }
.prefault .jupyter-button.prefault-primary {
  background: var(--prefault-accent); border-color: var(--prefault-accent); color: white;
  font-weight: 600;
}
.prefault .jupyter-button.prefault-stop:enabled {
  background: var(--prefault-bad); border-color: var(--prefault-bad); color: white;
  font-weight: 600;
}
.prefault .widget-text, .prefault .widget-dropdown { width: auto; margin: 0; height: 28px; }
.prefault .widget-label { width: 86px; min-width: 0; text-align: left; color: var(--prefault-dim);
  font-size: 13px; flex: 0 0 auto; margin: 0 6px 0 0; line-height: 28px; height: 28px; }
.prefault input, .prefault select { font-size: 13px; height: 28px;
  color: var(--prefault-ink) !important; }
.prefault .prefault-short input { width: 96px; flex: 0 0 auto; }
.prefault .prefault-long { width: min(100%, 460px); }
.prefault-actions > .widget-text { flex: 0 1 280px; }
.prefault-actions .widget-label { width: auto; }
.prefault > .widget-dropdown { margin-bottom: 8px; }
.prefault .widget-checkbox { width: auto; margin: 0 0 0 6px; height: 28px; align-self: center; }
.prefault .widget-checkbox .widget-label-basic { display: flex; align-items: center; gap: 6px;
  width: auto; height: 28px; color: var(--prefault-ink); }
.prefault .widget-checkbox input { height: 14px; width: 14px; margin: 0; }
.prefault-heading { font-size: 11.5px; font-weight: 600; letter-spacing: 0.06em;
  text-transform: uppercase; color: var(--prefault-dim); }
.prefault .prefault-panel > .jupyter-button { align-self: flex-start; }
.prefault-note { font-weight: 400; color: var(--prefault-dim); font-size: 12.5px; }
.prefault-problem { border-left: 3px solid var(--prefault-bad); padding: 2px 0 2px 10px; }
.prefault-status { display: flex; gap: 9px; align-items: baseline; min-height: 20px; }
.prefault-dot { flex: 0 0 9px; height: 9px; border-radius: 50%; background: #009E73; }
.prefault-running .prefault-dot { background: var(--prefault-accent); }
.prefault-failed .prefault-dot { background: var(--prefault-bad); border-radius: 0; }
.prefault-bar { height: 4px; border-radius: 2px; background: var(--prefault-soft);
  margin-top: 6px; }
.prefault-bar > div { height: 4px; border-radius: 2px; background: var(--prefault-accent); }
.prefault-summary { font-size: 14px; line-height: 1.5; max-width: 110ch; }
.prefault-card { gap: 0; border-top: 1px solid var(--prefault-line); padding-top: 8px; }
.prefault-title { font-size: 14px; font-weight: 600; }
.prefault-legend { display: flex; flex-wrap: wrap; gap: 2px 16px; color: var(--prefault-dim);
  font-size: 12.5px; min-height: 19px; }
.prefault-legend span { white-space: nowrap; }
.prefault-legend b { color: var(--prefault-ink); font-weight: 600; }
.prefault-legend svg { vertical-align: -2px; margin-right: 6px; }
.prefault-table { border-collapse: collapse; font-size: 12.5px; width: 100%; }
.prefault-table th, .prefault-table td { text-align: right; padding: 3px 10px 3px 0;
  border-bottom: 1px solid var(--prefault-line); font-variant-numeric: tabular-nums; }
.prefault-table th { color: var(--prefault-dim); font-weight: 500; vertical-align: bottom; }
.prefault-table th:first-child, .prefault-table td:first-child,
.prefault-scroll th:nth-child(2), .prefault-scroll td:nth-child(2) { text-align: left; }
.prefault-table .prefault-left { text-align: left; }
.prefault-table.prefault-numbers th[colspan] { text-align: center; }
.prefault-table td { white-space: nowrap; }
.prefault-table.prefault-words th, .prefault-table.prefault-words td { text-align: left;
  white-space: normal; vertical-align: top; }
.prefault-table td:first-child, .prefault-scroll td:nth-child(2) { white-space: normal; }
.prefault-numbers td:nth-child(6), .prefault-numbers th:nth-child(6) { padding-left: 28px; }
.prefault-scroll, .prefault-wide { overflow-x: auto; }
.prefault-wide + .prefault-wide { margin-top: 12px; }
.prefault-picture { max-width: 960px; }
.prefault-table.prefault-figures th { white-space: normal; }
@media (max-width: 1000px) {
  .prefault-table { font-size: 11.5px; }
  .prefault-table th, .prefault-table td { padding-right: 6px; }
  .prefault-table.prefault-figures td { white-space: normal; }
  .prefault-numbers td:nth-child(6), .prefault-numbers th:nth-child(6) { padding-left: 12px; }
}
.prefault-table tr.prefault-shown td { background: rgba(0, 114, 178, 0.12); }
.prefault .widget-html.prefault-case { margin-bottom: 10px; }
.prefault-answer { max-width: 110ch; }
.prefault-answer b { font-size: 20px; line-height: 1.4; }
.prefault-answer p { margin: 4px 0; }
.prefault .widget-slider, .prefault .widget-hslider { width: min(100%, 460px); margin: 0;
  height: 28px; }
.prefault .prefault-weight { width: 380px; flex: 0 1 380px; }
.prefault .widget-readout { color: var(--prefault-ink); min-width: 42px; }
.prefault-panel .widget-hbox { flex-wrap: wrap; align-items: center; gap: 6px; }
.prefault-blocks { display: grid !important; gap: 4px; margin: 0;
  grid-template-columns: repeat(auto-fill, minmax(42px, 1fr)); }
.prefault .prefault-blocks .jupyter-button { padding: 0; width: 100%; font-size: 11.5px; }
.prefault .jupyter-button.prefault-plugged { background: var(--prefault-accent); color: white;
  border-color: var(--prefault-accent); }
.prefault .jupyter-button.prefault-failed-block { border: 2px solid var(--prefault-bad);
  color: var(--prefault-bad); font-weight: 600; }
.prefault-amount { display: grid; grid-template-columns: 140px 1fr 70px; gap: 10px;
  align-items: center; margin: 3px 0; }
.prefault-amount > span:first-child { color: var(--prefault-dim); }
.prefault-amount > b { text-align: right; font-variant-numeric: tabular-nums; }
.prefault-measure { height: 10px; background: var(--prefault-soft); border-radius: 2px; }
.prefault-measure > i { display: block; height: 10px; border-radius: 2px;
  background: var(--prefault-accent); }
.prefault-maps { display: grid !important; gap: 10px 26px; width: 100%;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 640px), 1fr)); align-items: start; }
.prefault-maps .prefault-grid { display: block !important; min-width: 0; }
.prefault-maps .prefault-card { border-top: 0; padding-top: 0; max-width: 1100px; }
.prefault-legend em { font-style: normal; min-width: 104px; }
.prefault-pair { gap: 18px; }
.prefault-swatch { display: inline-block; width: 12px; height: 12px; margin-right: 6px;
  vertical-align: -1px; border: 1px solid var(--prefault-line); }
.prefault-keys { border: 1px dashed var(--prefault-line); border-radius: 4px; padding: 3px 10px;
  margin: 4px 4px 8px; color: var(--prefault-dim); font-size: 12.5px; max-width: 1100px; }
.prefault-keys:focus { outline: 2px solid var(--prefault-accent); outline-offset: 2px;
  color: var(--prefault-ink); }
.prefault kbd { border: 1px solid var(--prefault-line); border-radius: 3px; padding: 0 4px;
  font-size: 11.5px; }
.prefault .widget-select select:not([multiple]) { height: 160px; }
.prefault .widget-select select[multiple] { height: auto; }
.prefault .widget-select { height: auto; }
.prefault .prefault-steps { width: 100%; }
.prefault .prefault-keys-in { position: absolute !important; width: 1px !important;
  height: 1px !important; overflow: hidden !important; opacity: 0; pointer-events: none; }
.prefault-happened { border-left: 3px solid var(--prefault-accent); padding: 2px 0 2px 12px;
  max-width: 110ch; font-size: 14px; }
.prefault-happened p { margin: 3px 0; }
.prefault .prefault-code { box-sizing: border-box; max-width: 100%;
  background: var(--prefault-soft); padding: 8px 12px; overflow: auto;
  max-height: 420px; font-family: var(--jp-code-font-family, monospace); font-size: 12px;
  line-height: 1.4; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere;
  color: var(--prefault-ink);
  user-select: all; }
.jp-OutputArea:has(.prefault:not(.jupyter-widgets-disconnected)) .prefault-idle {
  display: none; }
.prefault.jupyter-widgets-disconnected { opacity: 0.4; pointer-events: none; }
.prefault .jupyter-widgets-disconnected::before,
.prefault.jupyter-widgets-disconnected::before,
.prefault-loader::before { content: none !important; }
.prefault-question { border-left: 3px solid #E69F00; padding: 2px 0 2px 12px; max-width: 110ch;
  font-size: 14px; }
.prefault ul { margin: 2px 0; padding-left: 18px; }
</style>
"""
