//! Where Keycloak sends browsers: exact URIs, URIs relative to the client's root, and patterns, of
//! which only the first two can be kept (RFC 9700 §2.1: exact comparison).

use edge_token::uri::is_redirect_uri;

use super::super::Notes;
use super::super::placeholder::is_template;

/// Takes the URIs that can be kept and tells of the others.
pub(super) fn kept(
    uris: &[String],
    root: Option<&str>,
    what: &str,
    notes: &mut Notes,
) -> Vec<String> {
    let mut kept = Vec::new();
    for uri in uris {
        match exact(uri, root) {
            Ok(uri) if !kept.contains(&uri) => kept.push(uri),
            Ok(_) => (),
            Err(why) => notes.stays(format!("the {what} `{uri}`: {why}")),
        }
    }
    kept
}

fn exact(uri: &str, root: Option<&str>) -> Result<String, &'static str> {
    let uri = uri.trim();
    if is_template(uri) {
        return Err("it has a placeholder");
    }
    if uri.contains('*') {
        return Err(
            "it is a pattern, and URIs are compared exactly here: list those that are used",
        );
    }
    let whole = match uri.starts_with('/') {
        false => uri.to_owned(),
        true => match root.filter(|root| !is_template(root)) {
            None => return Err("it is relative, and the client has no root URL to put before it"),
            Some(root) => format!("{}{uri}", root.trim_end_matches('/')),
        },
    };
    match is_redirect_uri(&whole) {
        true => Ok(whole),
        false if whole.starts_with("http:") => Err("it is http, and not on loopback"),
        false => Err(
            "it must be https, http on loopback, or a scheme with a dot in it, without a fragment",
        ),
    }
}

/// The URIs of a list in one attribute, with `##` between two.
pub(super) fn listed(attribute: &str) -> Vec<String> {
    let parts = attribute.split("##").map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The origins of scripts that a client lets ask: `+` stands for those of its redirect URIs.
pub(super) fn origins(web_origins: &[String], redirect_uris: &[String]) -> Vec<String> {
    let mut origins = Vec::<String>::new();
    for origin in web_origins {
        match origin.as_str() {
            "+" => origins.extend(redirect_uris.iter().filter_map(|uri| origin_of(uri))),
            origin => origins.push(origin.trim_end_matches('/').to_owned()),
        }
    }
    origins.sort_unstable();
    origins.dedup();
    origins
}

fn origin_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '*']).next()?;
    matches!(scheme, "http" | "https").then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_uris_are_kept_and_the_others_told() {
        let root = Some("https://shop.example/");
        for (uri, kept) in [
            ("https://shop.example/cb", Ok("https://shop.example/cb")),
            ("/cb?x=1", Ok("https://shop.example/cb?x=1")),
            ("http://127.0.0.1:8080/cb", Ok("http://127.0.0.1:8080/cb")),
            ("com.example.app:/cb", Ok("com.example.app:/cb")),
            ("*", Err("it is a pattern")),
            ("https://shop.example/*", Err("it is a pattern")),
            ("/*", Err("it is a pattern")),
            (
                "http://shop.example/cb",
                Err("it is http, and not on loopback"),
            ),
            ("https://shop.example/cb#x", Err("it must be https")),
            ("myapp://cb", Err("it must be https")),
            ("${HOST}/cb", Err("it has a placeholder")),
        ] {
            match (exact(uri, root), kept) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => {
                    assert!(found.starts_with(expected), "{uri}: {found}")
                }
                (found, _) => panic!("{uri}: {found:?}"),
            }
        }
        for root in [None, Some("${authBaseUrl}")] {
            assert!(exact("/cb", root).is_err());
        }
    }

    #[test]
    fn origins_come_from_redirect_uris_where_they_are_to() {
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let uris = texts(&[
            "https://a.example/cb",
            "https://a.example/*",
            "com.example:/cb",
        ]);
        assert_eq!(origins(&texts(&["+"]), &uris), ["https://a.example"]);
        assert_eq!(
            origins(&texts(&["https://b.example/", "*"]), &uris),
            ["*", "https://b.example"]
        );
        assert_eq!(
            listed("https://a.example##https://b.example## "),
            ["https://a.example", "https://b.example"]
        );
    }
}
