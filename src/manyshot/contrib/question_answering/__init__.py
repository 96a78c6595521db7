"""Few-shot question answering.

- `answer_finder.AnswerFinder` chooses the answer to a question from a list of known questions with answers.
- `span_reader.SpanReader` extracts the answer from a context, with a transformer that is fine-tuned on a few examples.
- `squad.load_questions` reads questions in the format of SQuAD.
"""
