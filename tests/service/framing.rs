//! RFC 6749 §3.2 and RFC 9110: what a token request must look like from outside.

use edge_token::http::Request;

use super::*;

#[test]
fn a_good_request_gets_a_token() {
    let answer = Fixture::new().token("");
    assert_eq!(answer.status(), 200);
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["scope"], "read write");
    assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let transport = answer.header("strict-transport-security");
    assert_eq!(transport, Some("max-age=31536000"));
    assert_eq!(answer.response.headers.len(), 4);
}

#[test]
fn the_realm_is_at_its_own_path_and_default_at_the_root_too() {
    let fixture = Fixture::new();
    let authorization = basic("app", SECRET);
    for (path, status) in [
        ("/token", 200),
        ("/realms/default/token", 200),
        ("/realms/default/token/", 404),
        ("/realms/other/token", 404),
        ("/realms//token", 404),
        ("//token", 404),
        ("/Token", 404),
        ("/realms/default", 404),
        ("/realms/%64efault/token", 404),
        ("/", 405),
        ("", 404),
    ] {
        let request = post(path, "grant_type=client_credentials");
        let answer = fixture.send(&Request {
            authorization: Some(&authorization),
            ..request
        });
        assert_eq!(answer.status(), status, "{path}");
        if status == 404 {
            assert_eq!(answer.error(), (404, "not_found".into()), "{path}");
        }
    }
}

#[test]
fn other_methods_are_refused() {
    let fixture = Fixture::new();
    for method in [
        "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
    ] {
        let answer = fixture.send(&Request {
            method,
            ..post("/token", "")
        });
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        assert_eq!(answer.response.body.is_empty(), method == "HEAD");
    }
}

#[test]
fn the_content_type_must_be_that_of_a_form() {
    let fixture = Fixture::new();
    let authorization = basic("app", SECRET);
    for (content_type, status) in [
        (Some("application/x-www-form-urlencoded"), 200),
        (Some("Application/X-WWW-Form-URLencoded"), 200),
        (
            Some("application/x-www-form-urlencoded; charset=UTF-8"),
            200,
        ),
        (
            Some("application/x-www-form-urlencoded ;Charset=\"utf-8\""),
            200,
        ),
        (Some("application/x-www-form-urlencoded;"), 200),
        (None, 400),
        (Some(""), 400),
        (Some("application/json"), 400),
        (Some("multipart/form-data; boundary=x"), 400),
        (Some("text/plain"), 400),
        (Some("application/x-www-form-urlencoded; boundary=x"), 400),
        (
            Some("application/x-www-form-urlencoded, application/x-www-form-urlencoded"),
            400,
        ),
        (Some("application/x-www-form-urlencodedx"), 400),
    ] {
        let answer = fixture.send(&Request {
            content_type,
            authorization: Some(&authorization),
            ..post("/token", "grant_type=client_credentials")
        });
        assert_eq!(answer.status(), status, "{content_type:?}");
        if status == 400 {
            assert_eq!(answer.error().1, "invalid_request");
        }
    }
}

#[test]
fn an_encoded_body_is_refused() {
    for encoding in ["gzip", "identity", ""] {
        let request = post("/token", "grant_type=client_credentials");
        let answer = Fixture::new().send(&Request {
            content_encoding: Some(encoding),
            ..request
        });
        assert_eq!(
            answer.error(),
            (400, "invalid_request".into()),
            "{encoding:?}"
        );
    }
}

#[test]
fn a_body_over_16_kib_is_refused() {
    let fixture = Fixture::new();
    let body = |length: usize| {
        let start = "grant_type=client_credentials&x=";
        format!("{start}{}", "y".repeat(length - start.len()))
    };
    let authorization = basic("app", SECRET);
    assert_eq!(
        fixture.token_as(&authorization, &body(16 * 1024)).status(),
        200
    );
    let answer = fixture.token_as(&authorization, &body(16 * 1024 + 1));
    assert_eq!(answer.error(), (413, "invalid_request".into()));
}

#[test]
fn malformed_requests_cost_no_look_up() {
    let fixture = Fixture::new();
    let cases: [(&str, &[u8]); 14] = [
        ("no body", b""),
        ("no grant type", b"scope=read"),
        ("an empty grant type", b"grant_type="),
        (
            "grant type twice",
            b"grant_type=client_credentials&grant_type=client_credentials",
        ),
        (
            "scope twice",
            b"grant_type=client_credentials&scope=read&scope=read",
        ),
        (
            "an unknown parameter twice",
            b"grant_type=client_credentials&x=1&x=2",
        ),
        (
            "a parameter twice, once encoded",
            b"grant_type=client_credentials&scope=a&s%63ope=a",
        ),
        ("a broken escape", b"grant_type=client_credentials&x=%"),
        (
            "an escape that is not hex",
            b"grant_type=client_credentials&x=%gg",
        ),
        (
            "escaped octets that are not UTF-8",
            b"grant_type=client_credentials&x=%ff",
        ),
        (
            "octets that are not UTF-8",
            b"grant_type=client_credentials&x=\xff",
        ),
        (
            "a name that is not UTF-8",
            b"grant_type=client_credentials&\xc3\x28=x",
        ),
        (
            "a client secret besides Basic",
            b"grant_type=client_credentials&client_secret=x",
        ),
        (
            "another client id",
            b"grant_type=client_credentials&client_id=other",
        ),
    ];
    let authorization = basic("app", SECRET);
    for (name, body) in cases {
        let request = Request {
            body,
            ..post("/token", "")
        };
        let answer = fixture.send(&Request {
            authorization: Some(&authorization),
            ..request
        });
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
    assert_eq!(fixture.store.reads(), 0);
}

#[test]
fn an_unknown_grant_type_is_told_as_such() {
    let fixture = Fixture::new();
    for grant_type in ["password", "Client_Credentials", "x", "implicit"] {
        let answer = fixture.token_as(&basic("app", SECRET), &format!("grant_type={grant_type}"));
        assert_eq!(
            answer.error(),
            (400, "unsupported_grant_type".into()),
            "{grant_type}"
        );
    }
}

#[test]
fn unknown_and_empty_parameters_are_ignored() {
    let fixture = Fixture::new();
    for form in [
        "&x=1",
        "&scope=",
        "&scope",
        "&resource=&audience=",
        "&scope=&scope=read",
        "&",
        "&&",
    ] {
        assert_eq!(fixture.token(form).status(), 200, "{form}");
    }
}

#[test]
fn nothing_of_a_request_is_echoed() {
    let fixture = Fixture::new();
    let marker = "ec40ed";
    for (authorization, body) in [
        (
            basic(marker, marker),
            format!("grant_type=client_credentials&x={marker}"),
        ),
        (basic("app", marker), format!("grant_type={marker}")),
        (
            basic("app", SECRET),
            format!("grant_type=client_credentials&scope={marker}"),
        ),
        (
            basic("app", SECRET),
            format!("grant_type=client_credentials&resource={marker}"),
        ),
        (
            format!("Basic {marker}"),
            format!("grant_type=client_credentials&{marker}=1"),
        ),
    ] {
        let answer = fixture.token_as(&authorization, &body);
        assert!(!answer.sent().contains(marker), "{:?}", answer.response);
        assert!(
            !answer.log().to_string().contains(marker),
            "{}",
            answer.log()
        );
    }
}
