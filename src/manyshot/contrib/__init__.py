"""Experimental and special-purpose methods, one folder each. Import a method from its own folder.

- `deformation_matching`: `DeformationMatching`, a learner for drawings without training (Omniglot one-shot
  classification). The command line offers it as the learner `deformation-matching`.
- `question_answering`: `AnswerFinder` (match questions to a list of answers) and `SpanReader` (extract answers from a
  context), for few examples of either.

The interfaces of these methods may change more often than those of the other packages.
"""
