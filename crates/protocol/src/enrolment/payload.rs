//! The 26 bytes that both forms carry: version 1, profile 1, identification code 8, activation secret 16.

use zeroize::Zeroizing;

use super::EnrolmentError;
use crate::ids::AuthenticatorId;
use crate::profile::Profile;
use crate::secret::Secret;
use crate::wire::Party;

/// How many bytes there are.
pub(super) const PAYLOAD_LEN: usize = 26;

/// The version of the enrolment.
const VERSION: u8 = 1;

/// Writes the bytes.
pub(super) fn encode(party: &Party, secret: &Secret<16>) -> Zeroizing<[u8; PAYLOAD_LEN]> {
    let mut bytes = Zeroizing::new([0; PAYLOAD_LEN]);
    let head = [VERSION, party.profile.to_byte()];
    let content = head.iter().chain(&party.id.0).chain(secret.expose());
    for (byte, from) in bytes.iter_mut().zip(content) {
        *byte = *from;
    }
    bytes
}

/// Reads the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<(Party, Secret<16>), EnrolmentError> {
    let (&[version, profile], rest) = bytes.split_first_chunk().ok_or(EnrolmentError::Key)?;
    if version != VERSION {
        return Err(EnrolmentError::Version);
    }
    let profile = Profile::from_byte(profile).map_err(|_| EnrolmentError::Profile)?;
    let (id, secret) = rest.split_first_chunk().ok_or(EnrolmentError::Key)?;
    let secret = Secret::from_slice(secret).ok_or(EnrolmentError::Key)?;
    Ok((Party { id: AuthenticatorId(*id), profile }, secret))
}
