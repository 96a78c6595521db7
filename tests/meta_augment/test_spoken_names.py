"""Names of classes, said by a speech synthesizer, as shots."""

import shutil
from dataclasses import replace

import pytest
import torch

from manyshot.augment import Plan
from manyshot.datasets import speech_synthesis
from manyshot.datasets.speech_synthesis import MOST_VOICES, speak
from manyshot.learners import Prototypes
from manyshot.meta_augment.spoken_names import SpokenNames
from manyshot.nets.mel import LogMel
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import encode, evaluate_tasks
from manyshot.training.class_texts import say
from one_line_error import one_line_error

needs_program = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
WORDS = ("seven", "elephant", "no")


def encoder() -> torch.nn.Module:
    return torch.nn.Sequential(LogMel(8000, bands=16), torch.nn.Flatten()).eval()


def spoken_by_others() -> Source:
    """Recordings of the words by voices that the augmenter does not use."""
    sounds = speak(WORDS, 8000, voices=14)[:, 12:]
    return Source.of(sounds.reshape(-1, 1, 8000), [word for word in WORDS for _ in range(2)])


def told(features: int = 3, voices: int = 2, seed: int = 0) -> Source:
    """Four classes whose spoken names lie at a constant offset from the real means, beside little noise."""
    draws = torch.Generator().manual_seed(seed)
    means = torch.randn(4, features, generator=draws)
    items = means.repeat_interleave(6, 0) + 0.1 * torch.randn(24, features, generator=draws)
    about = (means[:, None] + 5 + 0.1 * torch.randn(4, voices, features, generator=draws)).flatten(1)
    return replace(Source.of(items, [number for number in range(4) for _ in range(6)]), about=about)


class TestSpeaking:
    @needs_program
    def test_voices_and_words_differ_and_come_again(self):
        sounds = speak(WORDS[:2], 8000, voices=3)
        assert (sounds.shape, sounds.dtype) == ((2, 3, 8000), torch.int16)
        assert sounds.equal(speak(WORDS[:2], 8000, voices=3))
        assert all(not sounds[0, 0].equal(other) for other in (sounds[0, 1], sounds[0, 2], sounds[1, 0]))
        assert (sounds.float().square().mean(-1) > 1e4).all()

    @needs_program
    def test_a_text_is_no_option_of_the_program(self):
        assert speak(["--version"], 8000, voices=1).abs().max() > 1000

    @needs_program
    def test_unknown_languages_are_named(self):
        with one_line_error("'xx-yy'"):
            speak(["word"], 8000, voices=1, language="xx-yy")

    def test_wrong_options_and_a_missing_program_say_what_to_do(self, monkeypatch):
        with one_line_error(f"1 to {MOST_VOICES}"):
            speak(["word"], 8000, voices=99)
        with one_line_error("language='; rm'"):
            speak(["word"], 8000, language="; rm")
        monkeypatch.setattr(speech_synthesis.shutil, "which", lambda name: None)
        with one_line_error("apt install espeak-ng"):
            speak(["word"], 8000)


class TestShots:
    def test_take_out_what_all_synthetic_speech_has_in_common(self):
        source = told()
        spoken = SpokenNames(3, voices=2)
        spoken.fit_statistics(source)
        support = replace(Examples.of(source.store[::6][None], torch.arange(4)), about=source.about[None])
        made = spoken.make(support, 2, torch.Generator())
        means = source.store.view(4, 6, 3).mean(1)
        assert (made.items[0].view(4, 2, 3).mean(1) - means).abs().max() < 0.3
        assert (made.weight > 0).all()

    def test_copies_take_different_voices(self):
        source, spoken = told(voices=4), SpokenNames(3, voices=4, weight=1.0)
        spoken.fit_statistics(source)
        support = replace(Examples.of(source.store[:1][None], torch.arange(1)), about=source.about[None, :1])
        made = spoken.make(support, 4, torch.Generator().manual_seed(0)).items[0]
        assert len(made.unique(dim=0)) == 4
        torch.testing.assert_close(made.mean(0), source.about[0].view(4, 3).mean(0) + spoken.shift)

    def test_names_that_are_not_said_are_asked_for(self):
        with one_line_error("not said by 12 voices"):
            SpokenNames(3).make(Examples.of(torch.rand(1, 2, 3), torch.arange(2)), 1, torch.Generator())
        with one_line_error("recordings alone"):
            say(Source.of(torch.rand(4, 3), ["a", "b"] * 2), torch.nn.Identity())

    @needs_program
    def test_a_plan_says_the_names_itself(self):
        source, augmenter = spoken_by_others(), SpokenNames(256, voices=3, weight=4.0)
        augmenter.fit_statistics(encode(encoder(), say(source, encoder(), 3)))
        sampler = EpisodeSampler(source, ways=3, shots=1, queries=1)
        plan = Plan("shots: 3 x learned", augmenter)
        with_names = evaluate_tasks(Prototypes(encoder()), sampler, 10, plan)
        assert with_names.mean >= evaluate_tasks(Prototypes(encoder()), sampler, 10).mean
        assert with_names.mean > 0.6
