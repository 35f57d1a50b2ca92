//! Master keys, and the data keys that they wrap.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    VaultError,
    seal::{Key, Purpose, open, seal, subkey},
};
use crate::ambient::Random;

/// A key that wraps data keys; never stored beside what it protects.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    key: Key,
}

impl MasterKey {
    /// Reads a key from its text, 64 hexadecimal characters.
    pub fn from_text(id: &str, text: &str) -> Result<Self, VaultError> {
        let malformed = || VaultError::MalformedMasterKey { id: id.to_owned() };
        let text = text.trim().as_bytes();
        let mut key = Zeroizing::new([0_u8; 32]);
        if text.len() != 64 {
            return Err(malformed());
        }
        for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Self { id: id.to_owned(), key })
    }

    /// The text of a new key.
    pub fn new_text(random: &Random) -> Zeroizing<String> {
        use fmt::Write;
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in random.bytes::<32>() {
            write!(text, "{byte:02x}").expect("a string takes all");
        }
        text
    }
}

/// A data key as the database keeps it.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    /// Part of the associated data of all that the key sealed.
    pub key_id: Uuid,
    /// The master key that wraps it.
    pub master_key_id: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// The master keys of this process, one of them current.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<BTreeMap<String, Key>>,
    current: String,
    random: Random,
}

impl Keyring {
    /// Takes the keys; `current` wraps what is made from now on.
    pub fn new(keys: Vec<MasterKey>, current: &str, random: Random) -> Result<Self, VaultError> {
        let keys: BTreeMap<String, Key> = keys.into_iter().map(|key| (key.id, key.key)).collect();
        if !keys.contains_key(current) {
            return Err(VaultError::UnknownMasterKey { id: current.to_owned() });
        }
        Ok(Self { keys: Arc::new(keys), current: current.to_owned(), random })
    }

    /// Ids of all master keys that this process holds.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The id of the master key that wraps what is made from now on.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Wraps the stored data key of `object` with the current master key. It stays the same key, of the same id.
    pub fn rewrap(&self, object: Uuid, stored: &WrappedKey) -> Result<WrappedKey, VaultError> {
        let open = self.unwrap(object, stored)?;
        Ok(self.wrap(object, open.key_id, &open.key))
    }

    fn wrap(&self, object: Uuid, key_id: Uuid, key: &Key) -> WrappedKey {
        let master = self.keys.get(&self.current).expect("`new` saw the current key");
        let wrapping = subkey(master, Purpose::DataKey);
        let wrapped = seal(&wrapping, Purpose::DataKey, object, key_id, self.random.bytes(), key.as_ref());
        WrappedKey { key_id, master_key_id: self.current.clone(), wrapped }
    }

    /// Makes a data key for `object`, with the form to store.
    pub fn new_data_key(&self, object: Uuid) -> (DataKey, WrappedKey) {
        let key = Zeroizing::new(self.random.bytes::<32>());
        let key_id = Uuid::from_bytes(self.random.bytes());
        let stored = self.wrap(object, key_id, &key);
        (DataKey { object, key_id, key, random: self.random.clone() }, stored)
    }

    /// Opens the stored data key of `object`.
    pub fn unwrap(&self, object: Uuid, stored: &WrappedKey) -> Result<DataKey, VaultError> {
        let master = self
            .keys
            .get(&stored.master_key_id)
            .ok_or_else(|| VaultError::UnknownMasterKey { id: stored.master_key_id.clone() })?;
        let wrapping = subkey(master, Purpose::DataKey);
        let plain = open(&wrapping, Purpose::DataKey, object, stored.key_id, &stored.wrapped)?;
        let mut key = Zeroizing::new([0_u8; 32]);
        if plain.len() != key.len() {
            return Err(VaultError::Unreadable { purpose: Purpose::DataKey.label() });
        }
        key.copy_from_slice(&plain);
        Ok(DataKey { object, key_id: stored.key_id, key, random: self.random.clone() })
    }

    /// A constant sealed under the master key `id`, to know the key by at the next start.
    pub fn check_value(&self, id: &str) -> Option<Vec<u8>> {
        let key = subkey(self.keys.get(id)?, Purpose::MasterKeyCheck);
        let nonce = self.random.bytes();
        Some(seal(&key, Purpose::MasterKeyCheck, Uuid::nil(), Uuid::nil(), nonce, id.as_bytes()))
    }

    /// Refuses when `sealed` was not made by [`Keyring::check_value`] with this process's key `id`.
    pub fn check(&self, id: &str, sealed: &[u8]) -> Result<(), VaultError> {
        let Some(key) = self.keys.get(id) else { return Ok(()) };
        let key = subkey(key, Purpose::MasterKeyCheck);
        open(&key, Purpose::MasterKeyCheck, Uuid::nil(), Uuid::nil(), sealed)
            .map(drop)
            .map_err(|_| VaultError::WrongMasterKey { id: id.to_owned() })
    }
}

/// Not a key in sight.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).finish_non_exhaustive()
    }
}

/// The open data key of one object.
#[derive(Clone)]
pub struct DataKey {
    object: Uuid,
    key_id: Uuid,
    key: Key,
    random: Random,
}

impl DataKey {
    /// Seals `value` as JSON for `purpose`.
    pub fn seal<T: Serialize>(&self, purpose: Purpose, value: &T) -> Result<Vec<u8>, VaultError> {
        let plain = serde_json::to_vec(value)
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Unreadable { purpose: purpose.label() })?;
        let key = subkey(&self.key, purpose);
        Ok(seal(&key, purpose, self.object, self.key_id, self.random.bytes(), &plain))
    }

    /// Opens what [`DataKey::seal`] made for the same purpose.
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &[u8]) -> Result<T, VaultError> {
        let key = subkey(&self.key, purpose);
        let plain = open(&key, purpose, self.object, self.key_id, sealed)?;
        // serde's message could quote what it read, so it is not passed on.
        serde_json::from_slice(&plain).map_err(|_| VaultError::Unreadable { purpose: purpose.label() })
    }

    /// Seals bytes as they are for `purpose`.
    pub fn seal_bytes(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        let key = subkey(&self.key, purpose);
        seal(&key, purpose, self.object, self.key_id, self.random.bytes(), plain)
    }

    /// Opens what [`DataKey::seal_bytes`] made for the same purpose.
    pub fn open_bytes(&self, purpose: Purpose, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = subkey(&self.key, purpose);
        Ok(open(&key, purpose, self.object, self.key_id, sealed)?.to_vec())
    }

    /// A token of a blind index: the first half of a keyed hash of `content`, under a subkey of its own.
    pub fn token(&self, content: &[u8]) -> [u8; 16] {
        let key = subkey(&self.key, Purpose::BlindIndex);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).expect("HMAC takes any key");
        mac.update(content);
        let mut token = [0_u8; 16];
        for (byte, hashed) in token.iter_mut().zip(mac.finalize().into_bytes()) {
            *byte = hashed;
        }
        token
    }

    /// The tokens of screening keys, in their order: eight bytes each of a keyed hash, under a subkey of their own.
    pub fn screening_tokens(&self, keys: &[u64]) -> Vec<i64> {
        let subkey = subkey(&self.key, Purpose::ScreeningKeys);
        let keyed = Hmac::<Sha256>::new_from_slice(subkey.as_ref()).expect("HMAC takes any key");
        keys.iter()
            .map(|key| {
                let hashed = keyed.clone().chain_update(key.to_be_bytes()).finalize().into_bytes();
                hashed.iter().take(8).fold(0_i64, |token, byte| (token << 8) | i64::from(*byte))
            })
            .collect()
    }

    /// A keyed hash (HMAC-SHA-256, RFC 2104) that tells equal contents without telling them.
    pub fn digest(&self, content: &[u8]) -> [u8; 32] {
        let key = subkey(&self.key, Purpose::Digest);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).expect("HMAC takes any key");
        mac.update(content);
        mac.finalize().into_bytes().into()
    }

    /// The key of hash chains: only who has it can make a link.
    pub fn chain(&self) -> ChainKey {
        let key = subkey(&self.key, Purpose::AuditChain);
        ChainKey(Hmac::<Sha256>::new_from_slice(key.as_ref()).expect("HMAC takes any key"))
    }
}

/// Makes the links of keyed hash chains.
#[derive(Clone)]
pub struct ChainKey(Hmac<Sha256>);

impl ChainKey {
    /// The link of `content` to the one before, in the chain called `chain`.
    pub fn link(&self, chain: &'static str, previous: &[u8; 32], content: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(chain.as_bytes());
        mac.update(&[0]);
        mac.update(previous);
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(digit: char, seed: u64) -> Keyring {
        let text: String = std::iter::repeat_n(digit, 64).collect();
        let key = MasterKey::from_text("one", &text).unwrap();
        Keyring::new(vec![key], "one", Random::from_seed(seed)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_the_unwrapped_key() {
        let keyring = keyring('a', 1);
        let object = Uuid::from_u128(7);
        let (key, stored) = keyring.new_data_key(object);
        let sealed = key.seal(Purpose::AccountFields, &"Jane").unwrap();
        let again = keyring.unwrap(object, &stored).unwrap();
        assert_eq!(again.open::<String>(Purpose::AccountFields, &sealed).unwrap(), "Jane");
    }

    #[test]
    fn a_ciphertext_opens_only_for_its_object_purpose_and_key() {
        let keyring = keyring('a', 1);
        let (one, stored) = keyring.new_data_key(Uuid::from_u128(1));
        let (other, _) = keyring.new_data_key(Uuid::from_u128(2));
        let sealed = one.seal(Purpose::HitContent, &1).unwrap();
        assert!(one.open::<i32>(Purpose::RunContent, &sealed).is_err());
        assert!(other.open::<i32>(Purpose::HitContent, &sealed).is_err());
        assert!(keyring.unwrap(Uuid::from_u128(2), &stored).is_err());
    }

    #[test]
    fn a_key_that_is_wrapped_anew_opens_what_it_sealed_without_the_old_master_key() {
        let (one, two) = (["one", "two"], ["a", "b"]);
        let held = |ids: &[usize], current| {
            let keys = ids.iter().map(|id| MasterKey::from_text(one[*id], &two[*id].repeat(64)).unwrap());
            Keyring::new(keys.collect(), current, Random::from_seed(3)).unwrap()
        };
        let object = Uuid::from_u128(7);
        let (key, stored) = held(&[0], "one").new_data_key(object);
        let sealed = key.seal(Purpose::AccountFields, &"Jane").unwrap();
        let anew = held(&[0, 1], "two").rewrap(object, &stored).unwrap();
        assert_eq!((anew.key_id, anew.master_key_id.as_str()), (stored.key_id, "two"));
        let opened = held(&[1], "two").unwrap(object, &anew).unwrap();
        assert_eq!(opened.open::<String>(Purpose::AccountFields, &sealed).unwrap(), "Jane");
        assert!(held(&[0], "one").unwrap(object, &anew).is_err());
        assert!(
            held(&[0, 1], "two").rewrap(Uuid::from_u128(8), &stored).is_err(),
            "a moved key is not wrapped anew"
        );
    }

    #[test]
    fn every_altered_byte_is_refused() {
        let (key, _) = keyring('a', 1).new_data_key(Uuid::from_u128(1));
        let sealed = key.seal(Purpose::RunContent, &"x").unwrap();
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(key.open::<String>(Purpose::RunContent, &altered).is_err(), "byte {place}");
        }
        assert!(key.open::<String>(Purpose::RunContent, &[]).is_err());
    }

    #[test]
    fn another_master_key_of_the_same_id_is_recognised_as_wrong() {
        let check = keyring('a', 1).check_value("one").unwrap();
        assert!(keyring('a', 2).check("one", &check).is_ok());
        let error = keyring('b', 1).check("one", &check).unwrap_err();
        assert_eq!(error.to_string(), "master key one is not the key that this database was filled with");
    }

    #[test]
    fn master_keys_of_a_wrong_form_are_refused_without_being_quoted() {
        for text in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            let error = MasterKey::from_text("one", text).err().unwrap();
            assert_eq!(error.to_string(), "master key one must be 64 hexadecimal characters");
        }
    }
}
