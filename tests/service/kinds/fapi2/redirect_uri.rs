//! OpenID Connect Core §3.1.2.1: a request with the scope `openid` names its redirect URI, and no
//! browser is redirected by one that does not.

use super::*;

const REQUIRED: &str = "The redirect_uri is required with the scope openid.";

#[test]
fn a_request_with_the_scope_openid_names_its_redirect_uri() {
    let people = People::new();
    people.register("two", |client| {
        client
            .redirect_uris
            .push("https://app.example/2".to_owned());
    });
    // One that gets `openid` when it asks for nothing: RFC 6749 §3.1.2.3 holds for its request.
    people.register("default", |client| {
        client.default_scope = Some(ScopeSet::parse("openid").unwrap());
    });
    for (id, scope, is_page) in [
        ("app", "openid", true),
        ("app", "openid profile", true),
        ("app", "profile openid", true),
        ("app", "profile", false),
        ("app", "", false),
        ("two", "openid", true),
        ("default", "", false),
        ("default", "openid", true),
    ] {
        let scope = encoded(scope);
        let push = format!("response_type=code&state=s&scope={scope}{PKCE}");
        let form = format!("{push}&client_id={id}");
        let by_form = people.send(&post("/authorize", &form));
        for answer in [people.authorize(&form), by_form] {
            assert_eq!(answer.status(), if is_page { 400 } else { 303 }, "{form}");
            if is_page {
                assert_eq!(answer.header("location"), None);
                assert!(answer.response.body.contains(REQUIRED), "{form}");
                assert_eq!(answer.reason(), REQUIRED);
            }
        }
        let pushed = people.prove("/par", id, &push, None);
        match is_page {
            true => {
                assert_eq!(pushed.error(), invalid_request(), "{form}");
                assert_eq!(pushed.text("error_description"), REQUIRED);
            }
            false => assert_eq!(pushed.status(), 201, "{form}"),
        }
        // An empty one is left out (RFC 6749 §3.1).
        let empty = people.authorize(&format!("{form}&redirect_uri="));
        assert_eq!(empty.status(), if is_page { 400 } else { 303 }, "{form}");
        let uri = encoded(CALLBACK);
        let named = people.authorize(&format!("{form}&redirect_uri={uri}"));
        assert_eq!(named.status(), 303, "{form}");
        let named = people.prove("/par", id, &format!("{push}&redirect_uri={uri}"), None);
        assert_eq!(named.status(), 201, "{form}");
    }
}
