//! Keys that are known to everybody.

/// Two RSA private keys of 2048 bits (PKCS #8, DER), made for the tests with `openssl genpkey`; `ring`
/// makes none.
pub const RSA_KEYS: [&[u8]; 2] =
    [include_bytes!("../keys/rsa-1.pk8"), include_bytes!("../keys/rsa-2.pk8")];
