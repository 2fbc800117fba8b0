//! A stable 64-bit digest of what was asked: FNV-1a (Fowler, Noll, Vo 1991) over length-prefixed fields.
//!
//! Digests of submits are kept on disk with their tickets and compared with those of later releases.
//! Neither this function nor the order of what is fed into it may ever change.

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A digest in the making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub(super) fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    /// Adds a field. Its length goes first, so that no two lists of fields look alike.
    #[must_use]
    pub(super) fn bytes(self, field: &[u8]) -> Self {
        self.number(field.len() as u64).raw(field)
    }

    /// Adds a text field.
    #[must_use]
    pub(super) fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number.
    #[must_use]
    pub(super) fn number(self, number: u64) -> Self {
        self.raw(&number.to_le_bytes())
    }

    /// The digest.
    pub(super) fn finish(self) -> u64 {
        self.0
    }

    fn raw(self, bytes: &[u8]) -> Self {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(self.0, mix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_fnv_1a() {
        // The published test vectors of the function itself.
        assert_eq!(Digest::new().raw(b"").finish(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(Digest::new().raw(b"a").finish(), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Digest::new().raw(b"foobar").finish(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let ab_c = Digest::new().text("ab").text("c").finish();
        let a_bc = Digest::new().text("a").text("bc").finish();
        assert_ne!(ab_c, a_bc);
    }
}
