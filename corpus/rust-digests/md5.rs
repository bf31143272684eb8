//! A crate with the name of the one that computes MD5; what it computes is no matter.

#[inline(never)]
pub fn compress(state: &mut [u32; 4], block: &[u32; 16]) {
    for (at, word) in block.iter().enumerate() {
        state[at % 4] = state[at % 4].rotate_left(7).wrapping_add(*word);
    }
}
