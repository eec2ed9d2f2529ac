import { render } from "preact";
import "../shared/base.css";
import { applyTheme, chosenTheme } from "../shared/theme";

function Page() {
    return <h1>OpenGrant console</h1>;
}

applyTheme(chosenTheme());
const root = document.getElementById("page");
if (root) {
    root.replaceChildren();
    render(<Page />, root);
}
