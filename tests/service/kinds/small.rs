//! Small faults, each of a kind of its own: a page that tells less than is true, and a configuration
//! that is silently of no effect.

use edge_token::name::RealmName;
use edge_token::not_before::NotBefore;

use super::super::*;

fn keycloak(more: Value) -> Fixture {
    let mut realm = json!({ "dialect": "keycloak", "issuer": "https://auth.example/realms/dx" });
    for (member, value) in more.as_object().unwrap() {
        realm[member] = value.clone();
    }
    let fixture = Fixture::configured(json!({ "dx": realm }), &secrets());
    fixture.register_in("dx", "app", |_| ());
    fixture
}

fn key() -> String {
    NotBefore::record_key(&RealmName::parse("dx").unwrap())
}

fn unavailable() -> StoreError {
    let detail = "KV GET failed: 503".to_owned();
    StoreError::Unavailable { detail }
}

#[test]
fn the_page_of_a_realm_tells_from_when_on_its_tokens_are_good() {
    let fixture = keycloak(json!({}));
    for (record, told) in [
        (None, 0),
        (
            Some(r#"{"version":1,"realm":1799999000}"#),
            1_799_999_000_u64,
        ),
        // Those of clients and subjects are not the realm's.
        (
            Some(r#"{"version":1,"clients":{"app":5},"subjects":{"ann":7}}"#),
            0,
        ),
        (Some(r#"{"version":1,"realm":1800000100}"#), 1_800_000_100),
    ] {
        match record {
            Some(record) => fixture.store.put_at(key(), Ok(record.to_owned())),
            None => fixture.store.remove_at(&key()),
        }
        for path in ["/realms/dx", "/auth/realms/dx"] {
            let page = fixture.get(path);
            assert_eq!(page.status(), 200);
            assert_eq!(page.json()["tokens-not-before"], told, "{record:?}");
            let caching = page.header("cache-control").unwrap();
            assert!(caching.starts_with("public, max-age="), "{caching}");
        }
        // What token responses tell is the same.
        let policy = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(
                "/realms/dx/protocol/openid-connect/token",
                "grant_type=client_credentials",
            )
        });
        assert_eq!(policy.json()["not-before-policy"], told);
    }
}

#[test]
fn the_page_has_another_tag_when_the_time_is_another() {
    let fixture = keycloak(json!({}));
    let tag = |fixture: &Fixture| fixture.get("/realms/dx").header("etag").unwrap().to_owned();
    let before = tag(&fixture);
    assert_eq!(tag(&fixture), before);
    let record = r#"{"version":1,"realm":1799999000}"#.to_owned();
    fixture.store.put_at(key(), Ok(record));
    assert_ne!(tag(&fixture), before);
}

#[test]
fn a_page_that_cannot_tell_the_time_is_no_page() {
    let fixture = keycloak(json!({}));
    for record in [
        Err(unavailable()),
        Err(StoreError::Timeout),
        Ok(r#"{"version":2}"#.to_owned()),
        Ok("<html>".to_owned()),
    ] {
        fixture.store.put_at(key(), record);
        let page = fixture.get("/realms/dx");
        assert_eq!(page.error(), (503, "temporarily_unavailable".to_owned()));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    // The documents with keys need no storage.
    assert_eq!(
        fixture
            .get("/realms/dx/protocol/openid-connect/certs")
            .status(),
        200
    );
}

#[test]
fn the_page_reads_the_record_as_rarely_as_tokens_do_and_outlives_an_outage() {
    let mut fixture = keycloak(json!({ "stale_if_error": 60 }));
    let record = r#"{"version":1,"realm":1799999000}"#.to_owned();
    fixture.store.put_at(key(), Ok(record));
    fixture.store.remember();
    for _ in 0..3 {
        assert_eq!(fixture.get("/realms/dx").status(), 200);
    }
    assert_eq!(fixture.store.reads_at(&key()), 1);
    fixture.store.put_at(key(), Err(unavailable()));
    fixture.now = fixture.now.plus(edge_token::time::Seconds(40));
    assert_eq!(
        fixture.get("/realms/dx").json()["tokens-not-before"],
        1_799_999_000
    );
    fixture.now = fixture.now.plus(edge_token::time::Seconds(60));
    assert_eq!(fixture.get("/realms/dx").status(), 503);
}

fn on(hosts: Value) -> Fixture {
    let realm = json!({ "issuer": ISSUER, "hosts": hosts });
    Fixture::configured(json!({ "default": realm }), &secrets())
}

#[test]
fn a_host_with_more_than_its_name_is_told_where_the_realm_would_be() {
    for host in [
        "auth.example:8443",
        "auth.example:",
        "https://auth.example",
        "https://auth.example:443/",
        "auth.example/",
        "auth.example/realms/default",
        "auth.example?",
        "//auth.example",
    ] {
        for hosts in [json!([host]), json!(["other.example", host])] {
            let fixture = on(hosts);
            let answer = match host {
                // Nowhere would this be.
                "//auth.example" => fixture.get("/health"),
                _ => fixture.get("/realms/default/jwks"),
            };
            assert_eq!(answer.status(), 503, "{host}");
            let reason = answer.reason();
            let said = format!("member `hosts`: `{host}` must be the name of a host");
            assert!(reason.contains(&said), "{reason}");
        }
    }
}

#[test]
fn what_is_no_host_name_is_a_configuration_error() {
    let long = format!("{}.example", "a".repeat(64));
    for host in [
        "",
        " ",
        ".",
        "*",
        "*.example",
        "auth.example.",
        ".auth.example",
        "auth..example",
        "auth example",
        "bücher.example",
        "user@auth.example",
        "[::1",
        "::1",
        "[auth.example]",
        "[::1]:8787",
        &long,
    ] {
        let health = on(json!([host])).get("/health");
        assert_eq!(health.status(), 503, "{host}");
        assert!(
            health.reason().contains("member `hosts`"),
            "{}",
            health.reason()
        );
    }
}

#[test]
fn host_names_in_any_case_and_addresses_are_good() {
    for (host, authority) in [
        ("auth.example", "auth.example"),
        ("AUTH.Example", "auth.example:8443"),
        ("xn--bcher-kva.example", "XN--bcher-kva.example"),
        ("my_host", "my_host"),
        ("127.0.0.1", "127.0.0.1:8787"),
        ("[::1]", "[::1]:8787"),
        ("[2001:db8::1]", "[2001:DB8::1]"),
    ] {
        let fixture = on(json!([host]));
        let jwks = Request {
            method: "GET",
            path: "/realms/default/jwks",
            ..Request::default()
        };
        let answer = fixture.send_with(authority, &jwks, &|_| Ok(()));
        assert_eq!(answer.status(), 200, "{host}");
        let elsewhere = fixture.send_with("elsewhere.example", &jwks, &|_| Ok(()));
        assert_eq!(elsewhere.status(), 404, "{host}");
    }
}

/// Two realms at one path collide by what the host is, not by how it is written.
#[test]
fn a_wrong_host_takes_no_other_realm_along() {
    let realm = |host: &str| {
        json!({
            "dialect": "light-oauth2", "issuer": "https://a.example/x", "iss": host, "hosts": [host],
        })
    };
    let realms = json!({ "wrong": realm("a.example:8443"), "good": realm("b.example") });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register_in("good", "app", |_| ());
    let authorization = basic("app", SECRET);
    let request = Request {
        authorization: Some(&authorization),
        ..post("/oauth2/token", "grant_type=client_credentials")
    };
    let status = |authority: &str| {
        let fill = |octets: &mut [u8]| {
            octets.fill(1);
            Ok(())
        };
        fixture.send_with(authority, &request, &fill).status()
    };
    assert_eq!((status("b.example"), status("a.example")), (200, 503));
}
