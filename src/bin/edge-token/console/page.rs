//! The files of the page, as they stand in the folder of this name: no build makes them, nothing is
//! loaded from elsewhere.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The media type and the text of a file.
pub(super) fn file(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "" => (HTML, include_str!("page/index.html")),
        "style.css" => (CSS, include_str!("page/style.css")),
        "icon.svg" => (SVG, include_str!("page/icon.svg")),
        "app.js" => (JS, include_str!("page/app.js")),
        "audit.js" => (JS, include_str!("page/audit.js")),
        "check.js" => (JS, include_str!("page/check.js")),
        "client.js" => (JS, include_str!("page/client.js")),
        "clients.js" => (JS, include_str!("page/clients.js")),
        "claims.js" => (JS, include_str!("page/claims.js")),
        "dom.js" => (JS, include_str!("page/dom.js")),
        "keys.js" => (JS, include_str!("page/keys.js")),
        "moment.js" => (JS, include_str!("page/moment.js")),
        "realms.js" => (JS, include_str!("page/realms.js")),
        "service.js" => (JS, include_str!("page/service.js")),
        "timeline.js" => (JS, include_str!("page/timeline.js")),
        "try.js" => (JS, include_str!("page/try.js")),
        _ => return None,
    })
}
