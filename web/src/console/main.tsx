import { render } from "preact";
import "../shared/base.css";
import "./console.css";
import { applyTheme, chosenTheme } from "../shared/theme";
import { Console } from "./console";
import { follow } from "./core/route";
import { begin, redeem, takeLink } from "./core/session";

applyTheme(chosenTheme());
const beginning = begin(); // first of all, because it takes a link out of the address
follow();
// A link that is pasted into a tab where the console is open changes the address and loads nothing.
window.addEventListener("hashchange", () => {
    const link = takeLink();
    if (link) {
        void redeem(link);
    }
});

const root = document.getElementById("page");
if (root) {
    root.replaceChildren();
    render(<Console />, root);
}
await beginning;
