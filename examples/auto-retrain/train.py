"""Trains a model: train.py DATASET COMMIT FOLDER"""
import pathlib
import sys

dataset, commit, folder = sys.argv[1:]
print(f"training on {dataset} at {commit}")
# Load the dataset at this commit, train, and save the model to the folder.
pathlib.Path(folder, "model.txt").write_text(f"trained on {commit}\n")
print("saved the model")
