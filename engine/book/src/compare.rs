//! How many of sixteen words are above another: by vectors where the processor has them, one by one elsewhere.

use crate::{ranks::NEAR, word::Word};

/// The way to count that this processor knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compare {
    has_avx2: bool,
}

impl Compare {
    /// Asks the processor.
    pub fn new() -> Self {
        #[cfg(all(target_arch = "x86_64", feature = "std", not(miri)))]
        let has_avx2 = std::is_x86_feature_detected!("avx2");
        #[cfg(not(all(target_arch = "x86_64", feature = "std", not(miri))))]
        let has_avx2 = false;
        Self { has_avx2 }
    }

    /// How many of `words` are above `word`, without a branch on the outcome: what it is cannot be foretold.
    #[inline(always)]
    pub fn count_above(self, words: &[Word; NEAR], word: u64) -> usize {
        #[cfg(all(target_arch = "x86_64", feature = "std", not(miri)))]
        if self.has_avx2 {
            // SAFETY: the processor has AVX2, as it said itself.
            return unsafe { count_above_avx2(words, word) };
        }
        words.iter().map(|each| usize::from(each.get() > word)).sum()
    }
}

#[cfg(all(target_arch = "x86_64", feature = "std", not(miri)))]
#[target_feature(enable = "avx2")]
fn count_above_avx2(words: &[Word; NEAR], word: u64) -> usize {
    use core::arch::x86_64::{
        __m256i, _mm_add_epi64, _mm_cvtsi128_si64, _mm_unpackhi_epi64, _mm256_add_epi64, _mm256_castsi256_si128,
        _mm256_cmpgt_epi64, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi64x, _mm256_xor_si256,
    };
    // Compares signed: with the top bit flipped that is the order of the unsigned.
    let flip = _mm256_set1_epi64x(i64::MIN);
    let word = _mm256_xor_si256(_mm256_set1_epi64x(word as i64), flip);
    let above = |lane: usize| {
        // SAFETY: `lane` is 0 to 3, so the 32 bytes are four of the sixteen words. The one thread that may change them is here.
        let four = unsafe { _mm256_loadu_si256(words.as_ptr().cast::<__m256i>().add(lane)) };
        _mm256_cmpgt_epi64(_mm256_xor_si256(four, flip), word)
    };
    // Each that is above adds minus one.
    let sums = _mm256_add_epi64(_mm256_add_epi64(above(0), above(1)), _mm256_add_epi64(above(2), above(3)));
    let sums = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let sum = _mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums));
    _mm_cvtsi128_si64(sum).wrapping_neg() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_count_as_one_by_one(words: [u64; NEAR], word: u64, same in 0..NEAR) {
            let compare = Compare::new();
            for word in [word, words[same], 0, u64::MAX] {
                let words = words.map(|value| { let mut word = Word::default(); word.set(value); word });
                let expected = words.iter().filter(|each| each.get() > word).count();
                prop_assert_eq!(compare.count_above(&words, word), expected);
                prop_assert_eq!(Compare { has_avx2: false }.count_above(&words, word), expected);
            }
        }
    }
}
