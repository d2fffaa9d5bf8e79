//! Roles of Keycloak: what a realm's file says of them, and which ones a service account has there,
//! by itself, by its groups, and by roles that contain others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::Notes;
use super::super::value::{Members, Wrong};

/// A role of the realm, or of a client.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Role {
    /// The client's id.
    pub(super) client: Option<String>,
    pub(super) name: String,
}

/// What the file says of the roles of its realm.
#[derive(Default)]
pub(super) struct Roles {
    /// Those that are defined, with those that each contains.
    defined: BTreeMap<Role, Vec<Role>>,
    /// Those of the members of groups, by the path without the slashes around it.
    of_groups: BTreeMap<String, Vec<Role>>,
    /// Those that may pass into tokens, of a client and of a client scope.
    scope_of_clients: BTreeMap<String, Vec<Role>>,
    scope_of_scopes: BTreeMap<String, Vec<Role>>,
}

impl Role {
    fn of_realm(name: String) -> Self {
        Self { client: None, name }
    }

    fn of_client(client: &str, name: String) -> Self {
        Self {
            client: Some(client.to_owned()),
            name,
        }
    }

    /// The roles of a user or of a group.
    pub(super) fn mapped(members: Members<'_>) -> Result<Vec<Self>, Wrong> {
        Self::listed(members, "realmRoles", members.object("clientRoles")?)
    }

    /// Those of the realm in a member, and those of clients.
    fn listed(
        members: Members<'_>,
        of_realm: &str,
        of_clients: Option<Members<'_>>,
    ) -> Result<Vec<Self>, Wrong> {
        let names = members.texts(of_realm)?.unwrap_or_default();
        let mut roles = names.into_iter().map(Self::of_realm).collect::<Vec<_>>();
        if let Some(of_clients) = of_clients {
            for client in of_clients.0.keys() {
                let names = of_clients.texts(client)?.unwrap_or_default();
                roles.extend(names.into_iter().map(|name| Self::of_client(client, name)));
            }
        }
        Ok(roles)
    }
}

/// Its name, after the client's id if it is a client's.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            None => write!(f, "{}", self.name),
            Some(client) => write!(f, "{client}/{}", self.name),
        }
    }
}

impl Roles {
    /// Those of a realm; none if they cannot be read, since a part of them could be too many.
    pub(super) fn of(realm: Members<'_>, notes: &mut Notes) -> Option<Self> {
        let mut roles = Self::default();
        let read = roles
            .define(realm)
            .and_then(|()| roles.add_groups(realm.objects("groups")?, "", &[]))
            .and_then(|()| roles.add_scopes(realm));
        match read {
            Ok(()) => Some(roles),
            Err(why) => {
                notes.task(format!(
                    "the realm's {why}: no role of service accounts is taken"
                ));
                None
            }
        }
    }

    fn define(&mut self, realm: Members<'_>) -> Result<(), Wrong> {
        let Some(all) = realm.object("roles")? else {
            return Ok(());
        };
        for role in all.objects("realm")? {
            self.define_one(role, Role::of_realm)?;
        }
        if let Some(of_clients) = all.object("client")? {
            for client in of_clients.0.keys() {
                for role in of_clients.objects(client)? {
                    self.define_one(role, |name| Role::of_client(client, name))?;
                }
            }
        }
        Ok(())
    }

    fn define_one(
        &mut self,
        role: Members<'_>,
        called: impl Fn(String) -> Role,
    ) -> Result<(), Wrong> {
        if let Some(name) = role.text("name")? {
            let parts = match role.object("composites")? {
                None => Vec::new(),
                Some(parts) => Role::listed(parts, "realm", parts.object("client")?)?,
            };
            self.defined.insert(called(name), parts);
        }
        Ok(())
    }

    /// Adds groups, whose members have the roles of the groups around them too.
    fn add_groups(
        &mut self,
        groups: Vec<Members<'_>>,
        around: &str,
        inherited: &[Role],
    ) -> Result<(), Wrong> {
        for group in groups {
            let name = group.text("name")?.unwrap_or_default();
            let path = match group.text("path")? {
                Some(path) => path,
                None => format!("{around}/{name}"),
            };
            let mut roles = inherited.to_vec();
            roles.extend(Role::mapped(group)?);
            self.add_groups(group.objects("subGroups")?, &path, &roles)?;
            self.of_groups
                .insert(path.trim_matches('/').to_owned(), roles);
        }
        Ok(())
    }

    fn add_scopes(&mut self, realm: Members<'_>) -> Result<(), Wrong> {
        for mapping in realm.objects("scopeMappings")? {
            self.add_scope(mapping, Role::of_realm)?;
        }
        if let Some(of_clients) = realm.object("clientScopeMappings")? {
            for client in of_clients.0.keys() {
                for mapping in of_clients.objects(client)? {
                    self.add_scope(mapping, |name| Role::of_client(client, name))?;
                }
            }
        }
        Ok(())
    }

    fn add_scope(
        &mut self,
        mapping: Members<'_>,
        called: impl Fn(String) -> Role,
    ) -> Result<(), Wrong> {
        let roles = mapping.texts("roles")?.unwrap_or_default();
        let roles = roles.into_iter().map(called);
        if let Some(client) = mapping.text("client")? {
            self.scope_of_clients
                .entry(client)
                .or_default()
                .extend(roles);
        } else if let Some(scope) = mapping.text("clientScope")? {
            self.scope_of_scopes.entry(scope).or_default().extend(roles);
        }
        Ok(())
    }

    /// Roles with all that they contain, as far as the file defines it. Each is looked at once.
    fn expanded(&self, roles: impl IntoIterator<Item = Role>) -> BTreeSet<Role> {
        let mut all = BTreeSet::new();
        let mut open = roles.into_iter().collect::<Vec<_>>();
        while let Some(role) = open.pop() {
            if all.contains(&role) {
                continue;
            }
            open.extend(self.defined.get(&role).into_iter().flatten().cloned());
            all.insert(role);
        }
        all
    }

    /// All that a user has who has these roles and groups.
    pub(super) fn held(&self, roles: &[Role], groups: &[String]) -> BTreeSet<Role> {
        let groups = groups.iter().filter_map(|path| self.of_group(path));
        self.expanded(groups.flatten().chain(roles).cloned())
    }

    fn of_group(&self, path: &str) -> Option<&Vec<Role>> {
        self.of_groups.get(path.trim_matches('/'))
    }

    pub(super) fn knows_group(&self, path: &str) -> bool {
        self.of_group(path).is_some()
    }

    pub(super) fn defines(&self, role: &Role) -> bool {
        self.defined.contains_key(role)
    }

    /// Whether a client scope is in effect for somebody: one that has roles is for those alone who
    /// have one of them.
    pub(super) fn permits(&self, scope: &str, held: &BTreeSet<Role>) -> bool {
        match self.scope_of_scopes.get(scope) {
            Some(roles) if !roles.is_empty() => {
                !self.expanded(roles.iter().cloned()).is_disjoint(held)
            }
            _ => true,
        }
    }

    /// What of the roles passes into tokens of a client that may not have all: its own, and those
    /// of its scope and of the client scopes in effect.
    pub(super) fn within_scope(
        &self,
        held: &BTreeSet<Role>,
        client_id: &str,
        scopes: &[&str],
    ) -> BTreeSet<Role> {
        let is_own = |role: &&Role| role.client.as_deref() == Some(client_id);
        let first = Role::of_client(client_id, String::new());
        let own = self.defined.range(first..).map(|(role, _)| role);
        let own = own.take_while(is_own).chain(held.iter().filter(is_own));
        let of_client = self.scope_of_clients.get(client_id).into_iter().flatten();
        let in_effect = scopes.iter().filter(|scope| self.permits(scope, held));
        let of_scopes = in_effect.filter_map(|scope| self.scope_of_scopes.get(*scope));
        let passing = own.chain(of_client).chain(of_scopes.flatten()).cloned();
        let passing = self.expanded(passing);
        held.intersection(&passing).cloned().collect()
    }
}
