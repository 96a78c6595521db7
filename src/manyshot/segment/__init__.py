"""Segmentation from few labeled scans or pictures: tasks, learners and scores, and variation learned from others."""
