//! Imports of devices with keys from a factory.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{GoLive, Import, ImportId, ImportSnapshot, Imported, RealmId, Staged, SubscriberId};

use super::apply::{Attempt, next, unless_conflict};
use super::state::State;
use crate::{CommitError, MAX_PAGE};

impl State {
    pub(super) fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> ImportSnapshot {
        let taken = |id: &AuthenticatorId| self.directory.get(id).map(|realm| (*id, realm.clone()));
        let device = |id: &AuthenticatorId| self.authenticators.get(&(realm.clone(), *id)).cloned();
        let subscriber = |user: &SubscriberId| self.subscribers.get(&(realm.clone(), user.clone())).cloned();
        ImportSnapshot {
            taken: ids.iter().filter_map(taken).collect(),
            devices: ids.iter().filter_map(device).collect(),
            subscribers: users.iter().filter_map(subscriber).collect(),
        }
    }

    pub(super) fn stale_imports(&self, before: UnixMillis) -> Vec<(RealmId, ImportId)> {
        let is_stale = |it: &&Import| {
            let devices = self.staged_devices.keys().any(|key| key.0 == it.realm && key.1 == it.id);
            let people = self.staged_subscribers.keys().any(|key| key.0 == it.realm && key.1 == it.id);
            it.at < before && (it.live.is_none() || devices || people)
        };
        let limit = usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
        self.imports.values().filter(is_stale).map(|it| (it.realm.clone(), it.id)).take(limit).collect()
    }
}

impl Attempt<'_> {
    pub(super) fn stage(&mut self, staged: Staged) -> Result<(), CommitError> {
        let Staged { realm, import: id, at, devices, subscribers } = staged;
        let key = (realm.clone(), id);
        unless_conflict(self.state.imports.get(&key).is_none_or(|it| it.live.is_none()), "the import is live")?;
        self.put(|state| &mut state.imports, key, Import { realm: realm.clone(), id, live: None, at });
        for mut it in devices {
            let key = (realm.clone(), id, it.id);
            it.version = next(it.version);
            if !self.state.staged_devices.contains_key(&key) {
                self.put(|state| &mut state.staged_devices, key, it);
            }
        }
        for mut it in subscribers {
            let key = (realm.clone(), id, it.id.clone());
            it.version = next(it.version);
            if !self.state.staged_subscribers.contains_key(&key) {
                self.put(|state| &mut state.staged_subscribers, key, it);
            }
        }
        Ok(())
    }

    pub(super) fn go_live(&mut self, it: &GoLive) -> Result<(), CommitError> {
        let key = (it.realm.clone(), it.import);
        let import = self.state.imports.get(&key).cloned();
        let import = import.ok_or_else(|| CommitError::Conflict("there is no such import".to_owned()))?;
        if let Some(made) = import.live {
            return unless_conflict(made.devices == it.devices, "it is live with another number of devices");
        }
        let is_ours = |realm: &RealmId, id: &ImportId| *realm == it.realm && *id == it.import;
        let devices = self.state.staged_devices.iter().filter(|(key, _)| is_ours(&key.0, &key.1));
        let devices: Vec<_> = devices.map(|(_, device)| device.clone()).collect();
        let subscribers = self.state.staged_subscribers.iter().filter(|(key, _)| is_ours(&key.0, &key.1));
        let subscribers: Vec<_> = subscribers.map(|(_, subscriber)| subscriber.clone()).collect();
        unless_conflict(u32::try_from(devices.len()) == Ok(it.devices), "another number of devices is put aside")?;
        let made = Imported { devices: it.devices, subscribers: u32::try_from(subscribers.len()).unwrap_or(u32::MAX) };
        for subscriber in subscribers {
            let key = (subscriber.realm.clone(), subscriber.id.clone());
            if !self.state.subscribers.contains_key(&key) {
                self.put(|state| &mut state.subscribers, key, subscriber);
            }
        }
        for device in devices {
            let (id, realm) = (device.id, device.realm.clone());
            self.insert(|state| &mut state.directory, id, realm.clone(), "an identification code is taken")?;
            self.insert(|state| &mut state.authenticators, (realm, id), device, "a device is there")?;
        }
        self.put(|state| &mut state.imports, key, Import { live: Some(made), at: it.at, ..import });
        Ok(())
    }

    pub(super) fn clear_import(&mut self, realm: &RealmId, id: ImportId) -> u64 {
        let (of, import) = (realm.clone(), id);
        let devices: Vec<_> =
            self.state.staged_devices.keys().filter(|key| key.0 == of && key.1 == import).cloned().collect();
        let people: Vec<_> =
            self.state.staged_subscribers.keys().filter(|key| key.0 == of && key.1 == import).cloned().collect();
        devices.iter().for_each(|key| self.remove(|state| &mut state.staged_devices, key));
        people.iter().for_each(|key| self.remove(|state| &mut state.staged_subscribers, key));
        let key = (of, import);
        if self.state.imports.get(&key).is_some_and(|it| it.live.is_none()) {
            self.remove(|state| &mut state.imports, &key);
        }
        u64::try_from(devices.len().saturating_add(people.len())).unwrap_or(u64::MAX)
    }
}
