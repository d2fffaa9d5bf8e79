//! Client policies of Keycloak: what a realm demands of clients besides what each of them says.

use serde_json::Value;

use super::super::value::Members;
use super::super::{Draft, Notes, Stop};

/// What the policies of a realm that are in force come to.
#[derive(Default)]
pub(super) struct Policies {
    /// Executors of policies for every client.
    for_all: Vec<String>,
    /// What restricts clients in a way that nothing here can tell.
    unknown: Option<String>,
}

/// Executors that demand nothing that is not so here anyway.
const HARMLESS: [&str; 9] = [
    "full-scope-disabled",
    "reject-implicit-grant",
    "reject-resource-owner-password-credentials-grant",
    "reject-ropc-grant",
    "secret-rotation",
    "secure-client-uris",
    "secure-redirect-uris-enforcer",
    "secure-response-type",
    "suppress-refresh-token-rotation",
];

impl Policies {
    pub(super) fn of(realm: Members<'_>, notes: &mut Notes) -> Self {
        let mut this = Self::default();
        let profiles = nested(realm, "clientProfiles", "profiles");
        for policy in nested(realm, "clientPolicies", "policies") {
            let name = policy.text("name").ok().flatten().unwrap_or_default();
            if !policy.flag("enabled", false).unwrap_or(true) {
                continue;
            }
            let names = policy.texts("profiles").ok().flatten().unwrap_or_default();
            let mut executors = Vec::new();
            for name in names {
                let own = profiles
                    .iter()
                    .find(|profile| profile.text("name").ok().flatten().as_ref() == Some(&name));
                let own = own.map(|profile| profile.objects("executors").unwrap_or_default());
                match own {
                    // Those of the server itself are in no export.
                    None => executors.push(format!("of the profile {name}")),
                    Some(own) => executors.extend(
                        own.iter()
                            .filter_map(|executor| executor.text("executor").ok().flatten()),
                    ),
                }
            }
            executors.retain(|executor| !HARMLESS.contains(&executor.as_str()));
            if executors.is_empty() {
                continue;
            }
            let conditions = policy.objects("conditions").unwrap_or_default();
            let is_for_all = conditions.iter().all(|condition| {
                condition.text("condition").ok().flatten().as_deref() == Some("any-client")
            });
            let is_known = executors.iter().all(|executor| member(executor).is_some());
            if is_for_all && is_known {
                this.for_all.append(&mut executors);
                continue;
            }
            let why = format!(
                "the realm's client policy `{name}` ({}) may restrict it, and cannot be kept: \
                 disable the policy in the file once you know which clients it is for",
                executors.join(", ")
            );
            notes.task(format!(
                "the client policy `{name}` leaves every client out"
            ));
            this.unknown.get_or_insert(why);
        }
        this
    }

    /// Puts the demands on a client.
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), Stop> {
        if let Some(why) = &self.unknown {
            return Err(Stop::LeftOut(why.clone()));
        }
        for member in self.for_all.iter().filter_map(|executor| member(executor)) {
            draft.set(member, true);
        }
        Ok(())
    }
}

/// The member of a client's record that demands what an executor does.
fn member(executor: &str) -> Option<&'static str> {
    match executor {
        "dpop-bind-enforcer" => Some("dpop_bound_access_tokens"),
        "holder-of-key-enforcer" => Some("tls_client_certificate_bound_access_tokens"),
        "pkce-enforcer" => Some("require_pkce"),
        _ => None,
    }
}

fn nested<'a>(realm: Members<'a>, outer: &str, inner: &str) -> Vec<Members<'a>> {
    let outer = realm.get(outer).and_then(Value::as_object);
    let objects = outer.map(|outer| Members(outer).objects(inner).unwrap_or_default());
    objects.unwrap_or_default()
}
