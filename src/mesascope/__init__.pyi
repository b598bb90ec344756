"""All that a notebook needs, in the reader's order; `__init__.py` reads this list."""

# What one derives from
from .algorithms.along_sequence import (
    GradientDescentAlongSequence as GradientDescentAlongSequence,
)
from .algorithms.along_sequence import (
    RidgeAlongSequence as RidgeAlongSequence,
)
from .algorithms.autoregression import (
    CoordinateAutoregression as CoordinateAutoregression,
)
from .algorithms.autoregression import (
    VectorAutoregression as VectorAutoregression,
)
from .algorithms.centred_gradient_descent import CentredGradientDescent as CentredGradientDescent
from .algorithms.chebyshev import ChebyshevIteration as ChebyshevIteration
from .algorithms.conjugate_gradient import ConjugateGradient as ConjugateGradient
from .algorithms.constant import Constant as Constant
from .algorithms.deep_features import OnFeatures as OnFeatures
from .algorithms.delta_rule import DeltaRule as DeltaRule
from .algorithms.exponential_smoothing import ExponentialSmoothing as ExponentialSmoothing
from .algorithms.gaussian_kernel import GaussianKernel as GaussianKernel
from .algorithms.gdpp import GDPlusPlus as GDPlusPlus

# Algorithms
from .algorithms.gradient_descent import GradientDescent as GradientDescent
from .algorithms.harmonic_recursion import HarmonicRecursion as HarmonicRecursion
from .algorithms.heavy_ball import HeavyBall as HeavyBall
from .algorithms.induction import Induction as Induction
from .algorithms.induction import SoftInduction as SoftInduction
from .algorithms.kalman import KalmanForecaster as KalmanForecaster
from .algorithms.kalman_regression import KalmanRegression as KalmanRegression
from .algorithms.kernel_ridge import KernelRidge as KernelRidge
from .algorithms.kernel_smoother import (
    FeatureKernel as FeatureKernel,
)
from .algorithms.kernel_smoother import (
    KernelSmoother as KernelSmoother,
)
from .algorithms.kernel_smoother import (
    NadarayaWatson as NadarayaWatson,
)
from .algorithms.lasso import Lasso as Lasso
from .algorithms.last_label import LastLabel as LastLabel
from .algorithms.last_step import LastPhases as LastPhases
from .algorithms.last_step import TrigonometricRecursion as TrigonometricRecursion
from .algorithms.last_value import LastValue as LastValue
from .algorithms.least_squares import LeastSquares as LeastSquares
from .algorithms.linear_extrapolation import LinearExtrapolation as LinearExtrapolation
from .algorithms.mean_label import MeanLabel as MeanLabel
from .algorithms.nearest_neighbours import NearestNeighbours as NearestNeighbours
from .algorithms.newton_schulz import NewtonSchulz as NewtonSchulz
from .algorithms.normalised_delta_rule import NormalisedDeltaRule as NormalisedDeltaRule
from .algorithms.pool_posterior import PoolPosterior as PoolPosterior
from .algorithms.preconditioned_step import PreconditionedStep as PreconditionedStep
from .algorithms.recursive_least_squares import RecursiveLeastSquares as RecursiveLeastSquares
from .algorithms.ridge import Ridge as Ridge
from .algorithms.scalar_kalman import ScalarKalmanForecaster as ScalarKalmanForecaster
from .algorithms.zero import ZeroPredictor as ZeroPredictor
from .constructions._base import (
    AbstractConstruction as AbstractConstruction,
)
from .constructions._base import (
    AbstractSequenceConstruction as AbstractSequenceConstruction,
)
from .constructions.copying import CopyingConstruction as CopyingConstruction
from .constructions.deep_features import DeepFeatureConstruction as DeepFeatureConstruction
from .constructions.forecasters import (
    AugmentedDescent as AugmentedDescent,
)
from .constructions.forecasters import (
    OrthogonalHeads as OrthogonalHeads,
)
from .constructions.forecasters import (
    UnitaryHeads as UnitaryHeads,
)
from .constructions.gdpp import GDPlusPlusConstruction as GDPlusPlusConstruction

# Constructions: weights that make a model one of these
from .constructions.gradient_descent import GradientDescentConstruction as GradientDescentConstruction
from .constructions.softmax_pair import SoftmaxPair as SoftmaxPair

# Subjects: other people's models
from .identify.alone import controversial_prompts as controversial_prompts
from .identify.alone import invariances as invariances
from .identify.alone import layer_map as layer_map
from .identify.alone import spectral_response as spectral_response
from .identify.identify import identify as identify
from .identify.result import Identification as Identification
from .identify.saving import load_identification as load_identification
from .interop.asking import Budget as Budget
from .interop.asking import BudgetSpent as BudgetSpent
from .interop.asking import CheckedSequenceSubject as CheckedSequenceSubject
from .interop.asking import CheckedSubject as CheckedSubject
from .interop.asking import save_question as save_question
from .interop.checkpoints import load as load
from .interop.checkpoints import save as save
from .interop.functions import FunctionSubject as FunctionSubject
from .interop.garg import GargSubject as GargSubject
from .interop.huggingface import HuggingFaceSubject as HuggingFaceSubject
from .interop.opening import as_subject as as_subject
from .interop.predictors import PredictorSubject as PredictorSubject
from .interop.predictors import SequencePredictorSubject as SequencePredictorSubject
from .interop.sklearn_estimators import EstimatorSubject as EstimatorSubject
from .interop.stored import StoredPredictions as StoredPredictions
from .interop.stored import save_predictions as save_predictions
from .interop.torch_modules import TorchSubject as TorchSubject
from .leaks import check_leaks as check_leaks
from .models.asking import LastAsks as LastAsks
from .models.asking import TokenBeforeAsks as TokenBeforeAsks
from .models.attention import (
    LinearSelfAttention as LinearSelfAttention,
)
from .models.attention import (
    SoftmaxSelfAttention as SoftmaxSelfAttention,
)
from .models.augmented import (
    AugmentedLayer as AugmentedLayer,
)
from .models.augmented import (
    DiagonalAugmentedLayer as DiagonalAugmentedLayer,
)
from .models.augmented import (
    ScalarAugmentedLayer as ScalarAugmentedLayer,
)
from .models.block import Block as Block
from .models.diagonal_heads import DenseHeads as DenseHeads
from .models.diagonal_heads import DiagonalHeads as DiagonalHeads
from .models.layer_norm import Normalised as Normalised
from .models.mlp import MLP as MLP
from .models.mlp import OnInputs as OnInputs
from .models.position_only import PositionOnlyLayer as PositionOnlyLayer
from .models.sequence_transformer import SequenceTransformer as SequenceTransformer
from .models.streams import Residual as Residual
from .models.streams import UpdatesOnly as UpdatesOnly

# Models
from .models.transformer import Transformer as Transformer
from .predictor import (
    AbstractForecaster as AbstractForecaster,
)
from .predictor import (
    AbstractLinearLearner as AbstractLinearLearner,
)
from .predictor import (
    AbstractPredictor as AbstractPredictor,
)
from .predictor import (
    AbstractSequencePredictor as AbstractSequencePredictor,
)
from .predictor import (
    AbstractStepwise as AbstractStepwise,
)
from .probes.alignment import alignment as alignment
from .probes.alignment import sensitivity as sensitivity
from .probes.averaged import Averaged as Averaged
from .probes.averaged import AveragedSequence as AveragedSequence
from .probes.copying import copying_sensitivity as copying_sensitivity
from .probes.error import half_squared_error as half_squared_error
from .probes.error import half_squared_errors_by_step as half_squared_errors_by_step
from .probes.floor import subject_floor as subject_floor
from .probes.generalisation import generalisation_errors as generalisation_errors
from .probes.implicit_weights import compare_weights as compare_weights
from .probes.implicit_weights import implicit_weights as implicit_weights
from .probes.interpolation import interpolate as interpolate
from .probes.questions import questions as questions
from .probes.weights import learned_preconditioner as learned_preconditioner
from .probes.weights import learned_rates as learned_rates
from .probes.weights import learned_step_size as learned_step_size
from .prompt import Prompt as Prompt
from .prompt import Sequence as Sequence
from .prompt import stack as stack

# Probes
from .report.comparison import compare as compare

# Figures for a page
from .report.figures import save_figures as save_figures
from .runs.store import Store as Store

# Studies
from .studies import study as study
from .studies import study_names as study_names
from .study.base import AbstractStudy as AbstractStudy
from .study.cell import AbstractConfig as AbstractConfig
from .study.cell import AbstractShared as AbstractShared
from .study.cell import Cell as Cell
from .study.claim import Claim as Claim
from .subject import AbstractSequenceSubject as AbstractSequenceSubject
from .subject import AbstractSubject as AbstractSubject
from .subject import SubjectError as SubjectError
from .tasks._base import AbstractTask as AbstractTask
from .tasks._base import AbstractTeacherTask as AbstractTeacherTask
from .tasks._process import AbstractLinearProcess as AbstractLinearProcess
from .tasks._process import AbstractProcess as AbstractProcess
from .tasks.anisotropic_regression import AnisotropicRegression as AnisotropicRegression
from .tasks.corrupted import CorruptedTargets as CorruptedTargets
from .tasks.gaussian_regression import GaussianRegression as GaussianRegression
from .tasks.gaussian_regression import SecondMoments as SecondMoments
from .tasks.haar import HaarProcess as HaarProcess
from .tasks.haar import TurnedRotationProcess as TurnedRotationProcess
from .tasks.initial_state import Gaussian as Gaussian
from .tasks.initial_state import Ones as Ones
from .tasks.initial_state import Sphere as Sphere

# Tasks and processes
from .tasks.linear_regression import LinearRegression as LinearRegression
from .tasks.orthogonal import ConjugatePairProcess as ConjugatePairProcess
from .tasks.orthogonal import RotationProcess as RotationProcess
from .tasks.pool import FinitePool as FinitePool
from .tasks.random_length import RandomLength as RandomLength
from .tasks.random_length import RandomLengthProcess as RandomLengthProcess
from .tasks.shifted import Exponential as Exponential
from .tasks.shifted import Laplace as Laplace
from .tasks.shifted import Normal as Normal
from .tasks.shifted import Shifted as Shifted
from .tasks.sinusoid import Sinusoid as Sinusoid
from .tasks.teacher_pool import TeacherPool as TeacherPool
from .tasks.text import TextWindows as TextWindows
from .tasks.tied_sinusoid import TiedSinusoid as TiedSinusoid
from .tasks.unitary import UnitaryProcess as UnitaryProcess
from .theory.linear_regression import one_step_optimum as one_step_optimum

# Training
from .training.config import FitConfig as FitConfig
from .training.exact import Adam as Adam
from .training.exact import Descent as Descent
from .training.exact import fit_exact as fit_exact
from .training.fit import Trained as Trained
from .training.fit import fit as fit
from .training.fit import fit_seeds as fit_seeds
from .training.schedules import CosineDecay as CosineDecay
from .training.tune import tune as tune

__version__: str
