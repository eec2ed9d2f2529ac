import { render } from "preact";
import "../shared/base.css";
import "./console.css";
import { applyTheme, chosenTheme } from "../shared/theme";
import { Console } from "./console";
import { follow } from "./core/route";
import { begin, redeem, takeLink } from "./core/session";

applyTheme(chosenTheme());
const beginning = begin(); // first, because it removes a link from the address
follow();
// A link pasted into a tab with the console changes the address without loading the page.
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
