// The theme puts each "Copy" button into a <nav> without a name. Screen readers would list all of them as landmarks.
const withoutRole = () => {
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
};
new MutationObserver(withoutRole).observe(document.body, { childList: true, subtree: true });
withoutRole();
