"""Segmentation from few labeled scans or pictures: tasks, learners, scores, and variation learned from unlabeled ones."""
