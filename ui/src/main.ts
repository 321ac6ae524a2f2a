import { restore } from "./api/session";
import { restorePreferences } from "./state/preferences";
import "./pages/app";

// The element in the page is upgraded before this runs, so it is made here instead.
restorePreferences();
restore();
document.body.append(document.createElement("eh-app"));
