// The theme puts each "Copy" button into a <nav> without a name. Screen readers would list all of them as landmarks.
const withoutRole = () => {
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
};
// A table that is wider than its column scrolls. Only an element that takes the focus scrolls by the keyboard.
const tables = new ResizeObserver((wraps) => {
  for (const { target } of wraps) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
const watched = () => {
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap")) tables.observe(wrap);
};
const changed = () => {
  withoutRole();
  watched();
};
new MutationObserver(changed).observe(document.body, { childList: true, subtree: true });
changed();
