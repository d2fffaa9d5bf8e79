//! The pages that people see: why they cannot go on, that they are signed out, what this host is.
//!
//! They are of this crate alone: nothing of a request is in them but its ray id, which an operator
//! finds in the log. They load nothing, and their only style is allowed by its hash.

use super::failure::with_headers;
use crate::error::{Failure, Rejection};
use crate::http::Response;
use crate::realm::Realm;

/// What a page without a form allows besides its style.
const NO_FORM: &str = "form-action 'none'";

/// A page with a heading, and elements below it that must be escaped already. `policy` has the
/// directives that it needs besides those of every page (Content Security Policy Level 3).
#[must_use]
pub(crate) fn page(status: u16, heading: &str, elements: &str, policy: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'; \
         {policy}"
    );
    let headers = vec![
        ("content-type", "text/html; charset=utf-8".into()),
        ("cache-control", "no-store".into()),
        ("referrer-policy", "no-referrer".into()),
        ("content-security-policy", policy.into()),
        ("x-content-type-options", "nosniff".into()),
    ];
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{heading}</h1>\n{elements}\n</main>\n</body>\n</html>\n"
    );
    Response {
        status,
        headers,
        body,
    }
}

/// A page with a heading and a sentence of ours.
#[must_use]
pub(crate) fn notice(status: u16, heading: &str, sentence: &str) -> Response {
    page(status, heading, &format!("<p>{sentence}</p>"), NO_FORM)
}

/// A form that the browser posts to a client at once (OAuth 2.0 Form Post Response Mode §2), or when
/// the person presses its button where scripts are off. Its script is allowed by its hash. There is no
/// `form-action`: browsers apply it to the redirects after the form too, and where those lead is the
/// client's matter.
#[must_use]
pub(crate) fn form_post(uri: &str, parameters: &[(&str, &str)]) -> Response {
    let mut elements = format!("<form method=\"post\" action=\"{}\">\n", escaped(uri));
    for (name, value) in parameters {
        let (name, value) = (escaped(name), escaped(value));
        elements += &format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n");
    }
    elements += "<p>You go back to the application now.</p>\n<button>Continue</button>\n</form>\n";
    elements += &format!("<script>{SUBMIT}</script>");
    let policy = format!("script-src '{SUBMIT_HASH}'");
    page(200, "One moment", &elements, &policy)
}

/// The script of a form that is posted at once.
const SUBMIT: &str = "document.forms[0].submit()";

/// The hash of [`SUBMIT`], by which the policy allows it.
const SUBMIT_HASH: &str = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// A text as it stands in an attribute between quotes (HTML §13.1.2.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// What a person is told of a failure, and can tell whoever supports them: the error's word and the
/// id under which the log has the request.
#[must_use]
pub(crate) fn failure(failure: &Failure, realm: Option<&Realm>, ray_id: Option<&str>) -> Response {
    let (code, description, advice) = match failure {
        Failure::Rejection(rejection) => {
            (rejection.code(), rejection.description(), advice(rejection))
        }
        Failure::Fault(fault) => (fault.code(), fault.description().into(), ""),
    };
    let word = code.word();
    let mut elements = format!(
        "<p>{description}{advice}</p>\n<dl>\n<dt>Error</dt>\n<dd><code>{word}</code></dd>\n"
    );
    if let Some(ray_id) = ray_id {
        elements += &format!("<dt>Ray ID</dt>\n<dd><code>{ray_id}</code></dd>\n");
    }
    elements += "</dl>";
    let page = page(code.status(), "This cannot go on", &elements, NO_FORM);
    with_headers(page, failure, realm)
}

/// What else can be said to a person whose request was refused.
fn advice(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::RateLimited | Rejection::TooManyFailures | Rejection::TooManyTries => "",
        _ => " Go back to the application and begin again.",
    }
}

/// What this host is, for people who open it in a browser. It names no realm.
#[must_use]
pub(crate) fn welcome() -> Response {
    page(200, "OAuth 2.0 token service", WELCOME, NO_FORM)
}

const WELCOME: &str = "\
<p>Applications get their access tokens here. There is nothing to do in a browser.</p>
<dl>
<dt>Metadata</dt>
<dd>below each issuer: <code>/.well-known/openid-configuration</code></dd>
<dt>Health</dt>
<dd><a href=\"/health\"><code>/health</code></a></dd>
</dl>";

/// The style of every page, light or dark as the system is.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #57606a; --link: #0550ae; \
--paper: #ffffff; --line: #d0d7de }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9da7b3; --link: #79c0ff; --paper: #0d1117; --line: #3d444d }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 36rem; margin: 15vh auto 2rem; padding: 0 1.5rem }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }
a { color: var(--link) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1.5rem 0 0; \
padding-top: 1rem; border-top: 1px solid var(--line) }
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
code { font-family: ui-monospace, monospace; font-size: .9375em }
";

/// The hash of [`STYLE`], by which the policy allows it.
const STYLE_HASH: &str = "sha256-l1wi5QxXBn+D1+v++9VIHk3oP7G7+/BoXNHVtg3DLAE=";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_that_pages_have() {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        assert_eq!(STYLE_HASH, format!("sha256-{hash}"));
    }

    #[test]
    fn the_policy_allows_the_script_that_a_form_has() {
        let hash = STANDARD.encode(Sha256::digest(SUBMIT));
        assert_eq!(SUBMIT_HASH, format!("sha256-{hash}"));
    }

    /// WCAG 2.2 §1.4.3 asks for 4.5; §1.4.6 for 7.
    #[test]
    fn text_stands_out_in_light_and_dark() {
        let color = |name: &str| {
            let start = format!("--{name}: #");
            let mut values = STYLE.split(&start).skip(1);
            [values.next().unwrap(), values.next().unwrap()].map(luminance)
        };
        let [light, dark] = color("paper");
        for name in ["ink", "quiet", "link"] {
            let [on_light, on_dark] = color(name);
            for (one, other) in [(light, on_light), (on_dark, dark)] {
                let contrast = (one + 0.05) / (other + 0.05);
                assert!(contrast >= 6.0, "{name}: {contrast}");
            }
        }
    }

    /// The relative luminance of the colour at the start of a text (WCAG 2.2).
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&hex[at..][..2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }
}
