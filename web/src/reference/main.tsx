import { render } from "preact";
import "../shared/base.css";
import "../shared/json-view.css";
import "./reference.css";
import { applyTheme, chosenTheme } from "../shared/theme";
import { Page } from "./page";

applyTheme(chosenTheme());
const root = document.getElementById("page");
if (root) {
    root.replaceChildren();
    render(<Page />, root);
}
