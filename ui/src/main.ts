import { OWN_SERVICE } from "./api/client";
import { restore } from "./api/session";
import { redeem, takeCode } from "./api/sign-in-code";
import "./pages/app";
import { provide } from "./state/context";
import { restorePreferences } from "./state/preferences";
import { replace } from "./state/router";

restorePreferences();
restore();
provide(document, { service: OWN_SERVICE, isEmbedded: false, language: () => undefined, takesFocus: () => true, replace, mayOpen: () => true });
// An element that is in the page already is upgraded before this runs, so it is made here instead.
const app = document.createElement("eh-app");
const openLink = async () => {
  const code = takeCode();
  if (code) app.setAttribute("problem", (await redeem(code)) ? "" : "code");
};
addEventListener("hashchange", () => void openLink());
await openLink();
document.body.append(app);
