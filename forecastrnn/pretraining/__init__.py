"""Networks that are trained before they see a series: on synthetic ones, which are drawn without end.

python -m forecastrnn.pretraining --help
"""
