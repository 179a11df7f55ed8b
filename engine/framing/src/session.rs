//! Names of sessions: text of ten bytes on the wire, NUL padded in a [`Frame`](wirebook_abi::Frame).

/// Bytes of a session's name in the framings of Nasdaq's family.
pub const SESSION_SIZE: usize = 10;

/// Text without spaces and NULs at either end, NUL padded.
pub fn session(text: &[u8]) -> [u8; 16] {
    let mut session = [0; 16];
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = text.iter().position(|byte| !padding(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !padding(byte)).map_or(start, |last| last + 1);
    let kept = text.get(start..end).unwrap_or(&[]);
    let size = kept.len().min(session.len());
    session[..size].copy_from_slice(&kept[..size]);
    session
}

/// A session's name without its padding.
pub fn session_name(session: &[u8; 16]) -> &[u8] {
    let end = session.iter().position(|byte| *byte == 0).unwrap_or(session.len());
    &session[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_lose_their_padding_on_either_side() {
        assert_eq!(session_name(&session(b"000008714A")), b"000008714A");
        assert_eq!(session_name(&session(b"     A 1  ")), b"A 1");
        assert_eq!(session(b"          "), [0; 16]);
    }
}
